#include "evaluate/evaluate.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>
#include <set>

#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "core/median.h"
#include "core/stop.h"
#include "evaluate/ensemble_evaluation.h"
#include "evaluate/trajectory.h"

namespace seqvit::evaluate {
namespace {

[[noreturn]] void stop() {
  throw Error(Exit::success, "stopped");
}

class Evaluation {
 public:
  Evaluation(const data::Dataset& dataset, Range training, const data::LeadTime& model_lead,
             Forecaster& forecaster, EvaluateOptions options)
      : dataset_(dataset),
        forecaster_(forecaster),
        options_(std::move(options)),
        model_lead_(model_lead),
        plan_(make_rollout_plan(dataset, model_lead, options_.period, options_.leads, options_.stride,
                                forecaster.history())),
        errors_(dataset.grid(), regions_of(dataset.grid(), options_.regions)),
        spectra_(dataset.grid(), forecaster, options_.variables, fields()),
        points_(forecaster.rows().size() * dataset.grid().columns()),
        members_(options_.ensemble.members),
        has_climatology_(options_.climatology_file != nullptr || has_month(training)),
        climatology_(make_climatology(training, model_lead)) {
    if (!has_climatology_) no_climatology_.resize(points_, std::numeric_limits<float>::quiet_NaN());
    series_.resize(fields() * errors_.regions().size());
    if (members_ > 1)
      ensemble_.emplace(dataset, ReferenceSource{climatology_data(), training}, plan_, options_.variables,
                        errors_.regions(), members_);
  }

  void run() {
    const auto count = static_cast<int64_t>(plan_.initial_times.size());
    const double start = seconds_now();
    Progress progress;
    const int64_t together = std::max<int64_t>(1, options_.batch_size / members_);
    for (int64_t first = 0; first < count; first += together) {
      if (first > 0 && progress.due()) {
        progress.show(fmt::format("evaluate: {} of {} initial times, {} left", first, count,
                                  format_duration((seconds_now() - start) / first * (count - first))));
      }
      roll_out({first, std::min(first + together, count)});
    }
    if (lost_ > 0) {
      log_warn(
          "the forecast is missing or not finite at {:.0f} points where initial state and truth are valid; "
          "these are left out of the scores",
          lost_);
    }
    if (!spectra_.problem().empty()) log_warn("{}", spectra_.problem());
  }

  std::vector<Score> scores() const;
  std::vector<Spectrum> spectra() const;
  std::vector<RankHistogram> rank_histograms() const;
  double lost() const { return lost_; }

 private:
  bool has_month(Range training) const {
    const bool enough = spans_a_month(climatology_data(), training);
    if (!enough && training.size() > 0)
      log_info("climatology: none from fewer than 30 days of training; scores against it are left out");
    return enough;
  }

  ClimatologyFields make_climatology(Range training, const data::LeadTime& model_lead) const {
    ClimatologyOptions climatology{training, options_.variables, forecaster_.rows(), model_lead.months > 0};
    if (options_.climatology_file != nullptr)
      return options_.climatology_file->read(climatology.rows, valid_times(), climatology.memory_bytes);
    climatology.before_variable = [this] { stop_together(forecaster_); };
    return Climatology(climatology_data(), std::move(climatology), valid_times());
  }

  const data::Dataset& climatology_data() const {
    return options_.climatology_data == nullptr ? dataset_ : *options_.climatology_data;
  }

  /// Times that a climatology is needed for; none where there is none.
  std::vector<data::TimeStamp> valid_times() const {
    std::set<data::TimeStamp> times;
    for (const LeadPlan& lead : plan_.leads) {
      for (const int64_t target : lead.targets) {
        if (has_climatology_ && target >= 0) times.insert(dataset_.times()[target]);
      }
    }
    return {times.begin(), times.end()};
  }

  // Leads x variables.
  int64_t fields() const { return static_cast<int64_t>(plan_.leads.size() * options_.variables.size()); }
  int64_t field_number(int64_t lead, int64_t variable) const {
    return lead * static_cast<int64_t>(options_.variables.size()) + variable;
  }
  // Of a slab's field, by position in the variables to score.
  std::span<const float> owned(int64_t variable) const {
    const auto all = forecaster_.owned();
    return all.empty() ? all : all.subspan(options_.variables[variable] * points_, points_);
  }
  std::vector<StepSums>& series(int64_t lead, int64_t variable, int64_t region) {
    return series_[series_index(lead, variable, region)];
  }
  size_t series_index(int64_t lead, int64_t variable, int64_t region) const {
    return field_number(lead, variable) * errors_.regions().size() + region;
  }

  Score label(int64_t lead, int64_t variable, int64_t region) const;
  void roll_out(Range starts);
  void score(int64_t lead, Range starts, std::span<const float> initial, std::span<const float> states);
  void add_field(int64_t lead, int64_t variable, int64_t target, std::span<const float> initial,
                 std::span<const float> states, std::span<double> sums);

  const data::Dataset& dataset_;
  Forecaster& forecaster_;
  EvaluateOptions options_;
  data::LeadTime model_lead_;
  RolloutPlan plan_;
  ErrorSums errors_;
  SpectrumSums spectra_;
  int64_t points_;  // of my slab
  int64_t members_;
  bool has_climatology_;
  std::vector<float> no_climatology_;  // a field of NaN in its place
  ClimatologyFields climatology_;
  std::vector<std::vector<StepSums>> series_;  // [lead, variable, region] -> by initial time
  std::optional<EnsembleEvaluation> ensemble_;
  double lost_ = 0;
};

// Positions in the plan's initial times.
void Evaluation::roll_out(Range starts) {
  const std::span<const int64_t> times(plan_.initial_times.data() + starts.begin, starts.size());
  Trajectory trajectory(dataset_, forecaster_, model_lead_, times, options_.ensemble);
  for (size_t lead = 0; lead < plan_.leads.size(); ++lead) {
    const LeadPlan& plan = plan_.leads[lead];
    const auto first = plan.targets.begin() + starts.begin;
    if (std::all_of(first, first + starts.size(), [](int64_t target) { return target < 0; })) continue;
    const std::span<const float> states = trajectory.at(plan.steps);
    score(static_cast<int64_t>(lead), starts, trajectory.initial(), states);
  }
}

// Sums of all fields of one lead are added over ranks in one go, together with the rows that are cut between
// ranks and the wish to stop, which all ranks must follow at the same place.
void Evaluation::score(int64_t lead, Range starts, std::span<const float> initial,
                       std::span<const float> states) {
  const auto variables = static_cast<int64_t>(options_.variables.size());
  const auto state_size = static_cast<int64_t>(dataset_.variables().size()) * points_;
  const int64_t of_ensemble = ensemble_ ? ensemble_->message_size() : 0,
                size = errors_.size() + spectra_.message_size() + of_ensemble;
  const LeadPlan& plan = plan_.leads[lead];
  std::vector<double> sums(starts.size() * variables * size + 1, 0.0);
  for (int64_t b = 0; b < starts.size(); ++b) {
    const int64_t target = plan.targets[starts.begin + b];
    for (int64_t v = 0; target >= 0 && v < variables; ++v) {
      add_field(lead, v, target, initial.subspan(b * state_size, state_size),
                states.subspan(b * members_ * state_size, members_ * state_size),
                std::span(sums).subspan((b * variables + v) * size, size));
    }
  }
  sums.back() = stop_requested() ? 1.0 : 0.0;
  forecaster_.sum_over_ranks(sums);
  if (sums.back() > 0) stop();

  for (int64_t b = 0; b < starts.size(); ++b) {
    for (int64_t v = 0; plan.targets[starts.begin + b] >= 0 && v < variables; ++v) {
      const std::span<const double> field = std::span(sums).subspan((b * variables + v) * size, size);
      spectra_.add_cut(field_number(lead, v), owned(v),
                       field.subspan(errors_.size(), spectra_.message_size()));
      for (size_t region = 0; region < errors_.regions().size(); ++region) {
        series(lead, v, region).push_back(errors_.total(field, region));
      }
      lost_ += series(lead, v, 0).back()[kLost];
      if (ensemble_) ensemble_->keep(lead, v, field.last(of_ensemble));
    }
  }
}

// `initial` is [V, Y, X], `states` [M, V, Y, X] of one initial time.
void Evaluation::add_field(int64_t lead, int64_t variable, int64_t target, std::span<const float> initial,
                           std::span<const float> states, std::span<double> sums) {
  const int64_t offset = options_.variables[variable] * points_, state_size = std::ssize(states) / members_;
  std::vector<float> truth(points_);
  dataset_.read(options_.variables[variable], target, forecaster_.rows(), truth);
  ForecastField field{
      states.subspan(offset, points_), truth, initial.subspan(offset, points_),
      has_climatology_ ? climatology_.field(variable, dataset_.times()[target]) : no_climatology_,
      owned(variable)};
  spectra_.add(field_number(lead, variable), field, sums.subspan(errors_.size(), spectra_.message_size()));
  std::vector<float> mean;
  if (ensemble_) {
    EnsembleField members{.truth = truth, .initial = field.persistence, .owned = field.owned};
    for (int64_t m = 0; m < members_; ++m) {
      const auto member = states.subspan(m * state_size + offset, points_);
      members.members[kModelEnsemble].emplace_back(member.begin(), member.end());
    }
    mean = mean_of_members(members.members[kModelEnsemble]);
    field.forecast = mean;
    ensemble_->add(lead, variable, target, std::move(members), forecaster_.rows(),
                   sums.last(ensemble_->message_size()));
  }
  errors_.add(field, forecaster_.rows(), sums.first(errors_.size()));
}

Score Evaluation::label(int64_t lead, int64_t variable, int64_t region) const {
  const data::VariableInfo& info = dataset_.variables()[options_.variables[variable]];
  return {.variable = info.name,
          .lead_hours = plan_.leads[lead].lead.hours(),
          .region = errors_.regions()[region].name,
          .units = info.units};
}

std::vector<Score> Evaluation::scores() const {
  // Hours between initial times, for the length of the blocks: the median, which gaps do not disturb.
  std::vector<double> hours;
  for (size_t i = 1; i < plan_.initial_times.size(); ++i) {
    const data::TimeStamp before = dataset_.times()[plan_.initial_times[i - 1]];
    hours.push_back(static_cast<double>(dataset_.times()[plan_.initial_times[i]] - before) / 3600.0);
  }
  const double hours_between = hours.empty() ? 0.0 : median(hours);

  std::vector<Score> scores;
  for (size_t v = 0; v < options_.variables.size(); ++v) {
    for (size_t lead = 0; lead < plan_.leads.size(); ++lead) {
      const auto length = static_cast<int64_t>(series_[series_index(lead, v, 0)].size());
      const Bootstrap bootstrap(length, Bootstrap::block_length(length, hours_between), options_.seed);
      for (size_t region = 0; region < errors_.regions().size(); ++region) {
        const Score of = label(lead, v, region);
        const std::vector<Score> more = compute_scores(of, series_[series_index(lead, v, region)], bootstrap);
        scores.insert(scores.end(), more.begin(), more.end());
        if (ensemble_) ensemble_->append_scores(of, lead, v, region, bootstrap, scores);
      }
    }
  }
  return scores;
}

std::vector<RankHistogram> Evaluation::rank_histograms() const {
  std::vector<RankHistogram> histograms;
  for (size_t v = 0; ensemble_ && v < options_.variables.size(); ++v) {
    for (size_t lead = 0; lead < plan_.leads.size(); ++lead)
      histograms.push_back(ensemble_->histogram(label(lead, v, 0), lead, v));
  }
  return histograms;
}

std::vector<Spectrum> Evaluation::spectra() const {
  std::vector<Spectrum> spectra;
  for (size_t v = 0; v < options_.variables.size(); ++v) {
    const data::VariableInfo& variable = dataset_.variables()[options_.variables[v]];
    for (size_t lead = 0; lead < plan_.leads.size(); ++lead) {
      Spectrum spectrum =
          spectra_.mean(field_number(static_cast<int64_t>(lead), static_cast<int64_t>(v)), forecaster_);
      if (spectrum.rows == 0) continue;
      spectrum.variable = variable.name;
      spectrum.lead_hours = plan_.leads[lead].lead.hours();
      spectrum.units = variable.units;
      spectra.push_back(std::move(spectrum));
    }
  }
  return spectra;
}

}  // namespace

bool spans_a_month(const data::Dataset& dataset, Range training) {
  constexpr data::TimeStamp kLeast = int64_t{30} * 86400;
  return training.size() > 0 && dataset.times()[training.end - 1] - dataset.times()[training.begin] >= kLeast;
}

void stop_together(Forecaster& forecaster) {
  double requested = stop_requested() ? 1.0 : 0.0;
  forecaster.sum_over_ranks({&requested, 1});
  if (requested > 0) stop();
}

EvaluationResult evaluate(const data::Dataset& dataset, Range training, const data::LeadTime& model_lead,
                          Forecaster& forecaster, const EvaluateOptions& options) {
  check(options.stride > 0 && options.batch_size > 0, "stride and batch size are positive");
  EvaluateOptions complete = options;
  if (complete.variables.empty()) {
    complete.variables.resize(dataset.variables().size());
    std::iota(complete.variables.begin(), complete.variables.end(), 0);
  }
  Evaluation evaluation(dataset, training, model_lead, forecaster, std::move(complete));
  evaluation.run();
  return {evaluation.scores(), evaluation.spectra(), evaluation.rank_histograms(), evaluation.lost()};
}

}  // namespace seqvit::evaluate
