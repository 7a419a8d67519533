#include "evaluate/forecast.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <optional>

#include "core/error.h"
#include "core/log.h"
#include "evaluate/evaluate.h"
#include "evaluate/rollout_plan.h"
#include "evaluate/trajectory.h"
#include "evaluate/writing_rank.h"

namespace seqvit::evaluate {
namespace {

class ForecastRun {
 public:
  ForecastRun(const data::Dataset& dataset, Forecaster& forecaster, ForecastLayout layout,
              const std::filesystem::path& path)
      : dataset_(dataset),
        forecaster_(forecaster),
        layout_(std::move(layout)),
        path_(path),
        missing_(layout_.variables.size(), 0.0) {
    on_writer([&] { writer_.emplace(path_, dataset_, layout_); });
  }

  void roll_out(Range starts);

  void commit() {
    on_writer([&] { writer_->commit(); });
    for (size_t position = 0; position < missing_.size(); ++position) {
      if (missing_[position] == 0.0) continue;
      log_warn("{}: {:.3g} % of the points are missing in the initial states, and so in the forecast",
               variable(position).name,
               100.0 * missing_[position] /
                   static_cast<double>(std::ssize(layout_.initial_times) * dataset_.grid().points()));
    }
  }

 private:
  const data::VariableInfo& variable(size_t position) const {
    return dataset_.variables()[layout_.variables[position]];
  }
  void count_missing(Range starts, std::span<const float> initial);
  void write(int64_t initial, int64_t member, int64_t lead, std::span<const float> state);
  void on_writer(const std::function<void()>& action) {
    on_writing_rank(forecaster_, path_.string() + ": another rank could not write the forecast", action);
  }

  const data::Dataset& dataset_;
  Forecaster& forecaster_;
  ForecastLayout layout_;
  std::filesystem::path path_;
  std::optional<ForecastWriter> writer_;
  std::vector<double> missing_;  // points of all initial states, by position in the layout's variables
};

void ForecastRun::count_missing(Range starts, std::span<const float> initial) {
  const auto variables = std::ssize(layout_.variables);
  const int64_t points = forecaster_.rows().size() * dataset_.grid().columns();
  const int64_t state = std::ssize(initial) / starts.size();
  std::vector<double> missing(starts.size() * variables, 0.0);
  for (int64_t n = 0; n < std::ssize(missing); ++n) {
    if (variable(n % variables).role == data::Role::diagnostic) continue;  // the model is not given it
    const int64_t offset = layout_.variables[n % variables] * points;
    for (int64_t i = offset; i < offset + points; ++i) {
      const bool mine = forecaster_.owned().empty() || forecaster_.owned()[i] != 0.0f;
      if (mine && std::isnan(initial[n / variables * state + i])) ++missing[n];
    }
  }
  forecaster_.sum_over_ranks(missing);
  for (int64_t n = 0; n < std::ssize(missing); ++n) {
    missing_[n % variables] += missing[n];
    if (missing[n] < static_cast<double>(dataset_.grid().points())) continue;
    fail(Exit::data, "{}: expected values at {}, found none valid; start from another time",
         variable(n % variables).name,
         data::format_time(dataset_.times()[layout_.initial_times[starts.begin + n / variables]],
                           dataset_.calendar()));
  }
}

void ForecastRun::write(int64_t initial, int64_t member, int64_t lead, std::span<const float> state) {
  for (size_t position = 0; position < layout_.variables.size(); ++position) {
    const int64_t variable = layout_.variables[position], columns = dataset_.grid().columns();
    const int64_t points = forecaster_.rows().size() * columns;
    const std::vector<float> values = whole_field(
        forecaster_, variable, state.subspan(variable * points, points), columns, dataset_.grid().points());
    on_writer([&] {
      writer_->write(initial, lead, static_cast<int64_t>(position), {0, dataset_.grid().rows()}, values,
                     member);
    });
  }
}

void ForecastRun::roll_out(Range starts) {
  const std::span<const int64_t> times(layout_.initial_times.data() + starts.begin, starts.size());
  Trajectory trajectory(dataset_, forecaster_, layout_.step, times, layout_.ensemble);
  count_missing(starts, trajectory.initial());
  const size_t size = trajectory.initial().size() / starts.size();
  const int64_t of_each = layout_.ensemble.members;
  for (int64_t lead = 0; lead < layout_.steps; ++lead) {
    stop_together(forecaster_);
    const std::span<const float> states = trajectory.at(lead + 1);
    for (int64_t n = 0; n < starts.size() * of_each; ++n)
      write(starts.begin + n / of_each, n % of_each, lead, states.subspan(n * size, size));
  }
}

/// Throws Error(data) where the files lack what a forecast is made from, before any is made.
void check_inputs(const data::Dataset& dataset, const ForecastLayout& layout, int64_t history) {
  const auto text = [&](data::TimeStamp time) { return data::format_time(time, dataset.calendar()); };
  for (const int64_t initial : layout.initial_times) {
    const auto missing = missing_step(dataset, layout.step, history, initial, layout.steps);
    if (!missing) continue;
    const data::TimeStamp start = dataset.times()[initial],
                          needed = layout.step.times(*missing).after(start, dataset.calendar());
    std::string setting = "data.history";
    const std::vector<data::TimeStamp>* found = &dataset.times();
    for (const int64_t v : dataset.of_role(data::Role::forcing)) {
      if (*missing < 0 || dataset.holds_at(v, needed)) continue;
      setting = "data.forcings: " + dataset.variables()[v].name;
      found = &dataset.times_of(v);
    }
    fail(Exit::data, "{}: expected fields at {} for the forecast from {} ({}), found times from {} to {}; {}",
         dataset.paths().front(), text(needed), text(start), setting, text(found->front()),
         text(found->back()),
         *missing < 0 ? "start later" : "add files with forcings of later times, or take fewer steps");
  }
}

}  // namespace

void run_forecast(const data::Dataset& dataset, Forecaster& forecaster, ForecastLayout layout,
                  const std::filesystem::path& path, int64_t batch_size) {
  check(batch_size > 0 && layout.steps > 0 && !layout.initial_times.empty(), "a forecast of nothing");
  if (layout.variables.empty()) {
    layout.variables.resize(dataset.variables().size());
    std::iota(layout.variables.begin(), layout.variables.end(), 0);
  }
  const auto count = static_cast<int64_t>(layout.initial_times.size());
  check_inputs(dataset, layout, forecaster.history());
  const int64_t together = std::max<int64_t>(1, batch_size / layout.ensemble.members);
  ForecastRun run(dataset, forecaster, std::move(layout), path);
  Progress progress;
  for (int64_t first = 0; first < count; first += together) {
    progress.show(fmt::format("forecast: {} of {} initial times", first, count));
    run.roll_out({first, std::min(first + together, count)});
  }
  run.commit();
}

}  // namespace seqvit::evaluate
