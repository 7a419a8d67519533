#include "evaluate/evaluate.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "core/median.h"
#include "core/stop.h"
#include "evaluate/climatology.h"

namespace seqvit {
namespace {

[[noreturn]] void stop() {
  throw Error(Exit::success, "stopped");
}

// One lead time to score: how many steps it takes, and which time each initial time is scored at.
struct LeadPlan {
  LeadTime lead;
  int64_t steps = 0;
  std::vector<int64_t> targets;  // time index by position in Plan::initial_times, -1: not in the period
};

struct Plan {
  std::vector<int64_t> initial_times;  // time indices, increasing
  std::vector<LeadPlan> leads;         // by number of steps
};

Plan make_plan(const Dataset& dataset, const LeadTime& model_lead, const EvaluateOptions& options) {
  Plan plan;
  std::map<int64_t, std::map<int64_t, int64_t>> pairs;  // steps -> initial time -> valid time
  std::set<int64_t> initial_times;
  for (const LeadTime& lead : options.leads) {
    const int64_t steps = steps_of(lead, model_lead);
    for (const Sample& sample : make_samples(dataset.times(), dataset.calendar(), options.period, lead)) {
      pairs[steps][sample.input] = sample.target;
      initial_times.insert(sample.input);
    }
    if (pairs[steps].empty()) {
      log_warn("the evaluation period holds no two times {} apart; this lead time is left out", lead.text());
    }
  }
  if (initial_times.empty()) {
    fail(Exit::usage,
         "the evaluation period holds no two times that are a lead time apart; use a longer period");
  }
  int64_t position = 0;
  for (const int64_t time : initial_times) {
    if (position++ % options.stride == 0) plan.initial_times.push_back(time);
  }
  for (const auto& [steps, targets] : pairs) {
    LeadPlan lead{model_lead.times(steps), steps, {}};
    for (const int64_t time : plan.initial_times) {
      const auto found = targets.find(time);
      lead.targets.push_back(found == targets.end() ? -1 : found->second);
    }
    if (!targets.empty()) plan.leads.push_back(std::move(lead));
  }
  return plan;
}

class Evaluation {
 public:
  Evaluation(const Dataset& dataset, Range training, const LeadTime& model_lead, Forecaster& forecaster,
             EvaluateOptions options)
      : dataset_(dataset),
        forecaster_(forecaster),
        options_(std::move(options)),
        model_lead_(model_lead),
        plan_(make_plan(dataset, model_lead, options_)),
        errors_(dataset.grid(), regions_of(dataset.grid(), options_.regions)),
        points_(forecaster.rows().size() * dataset.grid().columns()),
        climatology_(dataset, climatology_options(training, model_lead), valid_times()) {
    series_.resize(plan_.leads.size() * options_.variables.size() * errors_.regions().size());
  }

  void run() {
    const auto count = static_cast<int64_t>(plan_.initial_times.size());
    const double start = seconds_now();
    Progress progress;
    for (int64_t first = 0; first < count; first += options_.batch_size) {
      if (first > 0 && progress.due()) {
        progress.show(fmt::format("evaluate: {} of {} initial times, {} left", first, count,
                                  format_duration((seconds_now() - start) / first * (count - first))));
      }
      roll_out({first, std::min(first + options_.batch_size, count)});
    }
    if (lost_ > 0) {
      log_warn(
          "the forecast is missing or not finite at {:.0f} points where initial state and truth are valid; "
          "these are left out of the scores",
          lost_);
    }
  }

  std::vector<Score> scores() const;

 private:
  ClimatologyOptions climatology_options(Range training, const LeadTime& model_lead) const {
    ClimatologyOptions climatology{training, options_.variables, forecaster_.rows(), model_lead.months > 0};
    climatology.before_variable = [this] { stop_together(forecaster_); };
    return climatology;
  }

  std::vector<int64_t> valid_times() const {
    std::set<int64_t> times;
    for (const LeadPlan& lead : plan_.leads)
      times.insert(lead.targets.begin(), lead.targets.end());
    times.erase(-1);
    return {times.begin(), times.end()};
  }

  std::vector<StepSums>& series(int64_t lead, int64_t variable, int64_t region) {
    return series_[series_index(lead, variable, region)];
  }
  size_t series_index(int64_t lead, int64_t variable, int64_t region) const {
    return (lead * options_.variables.size() + variable) * errors_.regions().size() + region;
  }

  void roll_out(Range members);
  void score(int64_t lead, Range members, std::span<const float> initial, std::span<const float> states);
  void add_field(int64_t variable, int64_t target, std::span<const float> initial,
                 std::span<const float> state, std::span<double> sums);

  const Dataset& dataset_;
  Forecaster& forecaster_;
  EvaluateOptions options_;
  LeadTime model_lead_;
  Plan plan_;
  ErrorSums errors_;
  int64_t points_;  // of my slab
  Climatology climatology_;
  std::vector<std::vector<StepSums>> series_;  // [lead, variable, region] -> by initial time
  double lost_ = 0;
};

// Members are positions in the plan's initial times.
void Evaluation::roll_out(Range members) {
  const std::span<const int64_t> times(plan_.initial_times.data() + members.begin, members.size());
  const std::vector<float> initial = read_states(dataset_, times, forecaster_.rows());
  std::vector<float> states = initial;
  int64_t done = 0;
  for (size_t lead = 0; lead < plan_.leads.size(); ++lead) {
    const LeadPlan& plan = plan_.leads[lead];
    const auto first = plan.targets.begin() + members.begin;
    if (std::all_of(first, first + members.size(), [](int64_t target) { return target < 0; })) continue;
    for (; done < plan.steps; ++done) {
      states = forecaster_.step(states, times_after(dataset_, times, model_lead_.times(done)));
      check(states.size() == initial.size(), "a forecast has another shape than its initial state");
    }
    score(static_cast<int64_t>(lead), members, initial, states);
  }
}

// Sums of all fields of one lead are added over ranks in one go, together with the wish to stop, which all
// ranks must follow at the same place.
void Evaluation::score(int64_t lead, Range members, std::span<const float> initial,
                       std::span<const float> states) {
  const auto variables = static_cast<int64_t>(options_.variables.size());
  const auto state_size = static_cast<int64_t>(dataset_.variables().size()) * points_;
  const int64_t size = errors_.size();
  const LeadPlan& plan = plan_.leads[lead];
  std::vector<double> sums(members.size() * variables * size + 1, 0.0);
  for (int64_t b = 0; b < members.size(); ++b) {
    const int64_t target = plan.targets[members.begin + b];
    for (int64_t v = 0; target >= 0 && v < variables; ++v) {
      add_field(v, target, initial.subspan(b * state_size, state_size),
                states.subspan(b * state_size, state_size),
                std::span(sums).subspan((b * variables + v) * size, size));
    }
  }
  sums.back() = stop_requested() ? 1.0 : 0.0;
  forecaster_.sum_over_ranks(sums);
  if (sums.back() > 0) stop();

  for (int64_t b = 0; b < members.size(); ++b) {
    for (int64_t v = 0; plan.targets[members.begin + b] >= 0 && v < variables; ++v) {
      const std::span<const double> field = std::span(sums).subspan((b * variables + v) * size, size);
      for (size_t region = 0; region < errors_.regions().size(); ++region) {
        series(lead, v, region).push_back(errors_.total(field, region));
      }
      lost_ += series(lead, v, 0).back()[kLost];
    }
  }
}

// `initial` and `state` are [V, Y, X] of one member.
void Evaluation::add_field(int64_t variable, int64_t target, std::span<const float> initial,
                           std::span<const float> state, std::span<double> sums) {
  const int64_t offset = options_.variables[variable] * points_;
  std::vector<float> truth(points_);
  dataset_.read(options_.variables[variable], target, forecaster_.rows(), truth);
  ForecastField field{state.subspan(offset, points_), truth, initial.subspan(offset, points_),
                      climatology_.field(variable, target)};
  if (!forecaster_.owned().empty()) field.owned = forecaster_.owned().subspan(offset, points_);
  errors_.add(field, forecaster_.rows(), sums);
}

std::vector<Score> Evaluation::scores() const {
  // Hours between initial times, for the length of the blocks: the median, which gaps do not disturb.
  std::vector<double> hours;
  for (size_t i = 1; i < plan_.initial_times.size(); ++i) {
    const TimeStamp before = dataset_.times()[plan_.initial_times[i - 1]];
    hours.push_back(static_cast<double>(dataset_.times()[plan_.initial_times[i]] - before) / 3600.0);
  }
  const double hours_between = hours.empty() ? 0.0 : median(hours);

  std::vector<Score> scores;
  for (size_t v = 0; v < options_.variables.size(); ++v) {
    const VariableInfo& variable = dataset_.variables()[options_.variables[v]];
    for (size_t lead = 0; lead < plan_.leads.size(); ++lead) {
      const auto length = static_cast<int64_t>(series_[series_index(lead, v, 0)].size());
      const Bootstrap bootstrap(length, Bootstrap::block_length(length, hours_between), options_.seed);
      for (size_t region = 0; region < errors_.regions().size(); ++region) {
        const Score label{.variable = variable.name,
                          .lead_hours = plan_.leads[lead].lead.hours(),
                          .region = errors_.regions()[region].name,
                          .units = variable.units};
        const std::vector<Score> more =
            compute_scores(label, series_[series_index(lead, v, region)], bootstrap);
        scores.insert(scores.end(), more.begin(), more.end());
      }
    }
  }
  return scores;
}

}  // namespace

int64_t steps_of(const LeadTime& lead, const LeadTime& model_lead) {
  const int64_t steps =
      model_lead.months > 0 ? lead.months / model_lead.months : lead.seconds / model_lead.seconds;
  if (steps < 1 || model_lead.times(steps) != lead) {
    fail(Exit::usage, "lead time {} is not a multiple of the model's lead time {}", lead.text(),
         model_lead.text());
  }
  return steps;
}

void stop_together(Forecaster& forecaster) {
  double requested = stop_requested() ? 1.0 : 0.0;
  forecaster.sum_over_ranks({&requested, 1});
  if (requested > 0) stop();
}

std::vector<float> read_states(const Dataset& dataset, std::span<const int64_t> times, Range rows) {
  const int64_t points = rows.size() * dataset.grid().columns();
  const auto variables = static_cast<int64_t>(dataset.variables().size());
  std::vector<float> states(times.size() * variables * points);
  for (size_t b = 0; b < times.size(); ++b) {
    for (int64_t v = 0; v < variables; ++v) {
      dataset.read(v, times[b], rows, std::span(states).subspan((b * variables + v) * points, points));
    }
  }
  return states;
}

std::vector<TimeStamp> times_after(const Dataset& dataset, std::span<const int64_t> initial,
                                   const LeadTime& lead) {
  std::vector<TimeStamp> times;
  for (const int64_t index : initial)
    times.push_back(lead.after(dataset.times()[index], dataset.calendar()));
  return times;
}

std::vector<Score> evaluate(const Dataset& dataset, Range training, const LeadTime& model_lead,
                            Forecaster& forecaster, const EvaluateOptions& options) {
  check(options.stride > 0 && options.batch_size > 0, "stride and batch size are positive");
  EvaluateOptions complete = options;
  if (complete.variables.empty()) {
    complete.variables.resize(dataset.variables().size());
    std::iota(complete.variables.begin(), complete.variables.end(), 0);
  }
  Evaluation evaluation(dataset, training, model_lead, forecaster, std::move(complete));
  evaluation.run();
  return evaluation.scores();
}

}  // namespace seqvit
