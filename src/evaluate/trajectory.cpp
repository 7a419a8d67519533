#include "evaluate/trajectory.h"

#include <cmath>

#include "core/error.h"

namespace seqvit::evaluate {
namespace {

/// Of `times`, [B, V, Y, X] on `rows`.
std::vector<float> read_states(const data::Dataset& dataset, std::span<const int64_t> times, Range rows) {
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

/// The times that lie `lead` after those of indices `initial`.
std::vector<data::TimeStamp> times_after(const data::Dataset& dataset, std::span<const int64_t> initial,
                                         const data::LeadTime& lead) {
  std::vector<data::TimeStamp> times;
  for (const int64_t index : initial)
    times.push_back(lead.after(dataset.times()[index], dataset.calendar()));
  return times;
}

}  // namespace

Trajectory::Trajectory(const data::Dataset& dataset, Forecaster& forecaster, const data::LeadTime& step,
                       std::span<const int64_t> initial)
    : dataset_(dataset),
      forecaster_(forecaster),
      step_(step),
      times_(initial),
      strides_(forecaster.strides()),
      initial_(read_states(dataset, initial, forecaster.rows())),
      trunk_(initial_) {
  check(!strides_.empty() && strides_.front() == 1, "a forecaster takes strides of one lead time");
}

/// `next` are the states after `steps` steps. What was missing stays missing; anything else must be a number.
void Trajectory::check_finite(std::span<const float> states, std::span<const float> next,
                              int64_t steps) const {
  const std::span<const float> owned = forecaster_.owned();
  const grid::Grid& grid = dataset_.grid();
  const auto variables = static_cast<int64_t>(dataset_.variables().size());
  const int64_t points = forecaster_.rows().size() * grid.columns();
  for (int64_t i = 0; i < std::ssize(next); ++i) {
    if (std::isfinite(next[i]) || std::isnan(states[i])) continue;
    const int64_t of_state = i % (variables * points), point = of_state % points;
    if (!owned.empty() && owned[of_state] == 0.0F) continue;
    const data::TimeStamp initial = dataset_.times()[times_[i / (variables * points)]];
    fail(Exit::not_finite,
         "{}: expected a finite forecast from {} at a lead time of {}, found {} at latitude {:g}, longitude "
         "{:g}; take another checkpoint or a shorter lead time, and see with `seqvit inspect` that the "
         "initial state is like the data of training",
         dataset_.variables()[of_state / points].name, data::format_time(initial, dataset_.calendar()),
         step_.times(steps).text(), next[i], grid.latitude[forecaster_.rows().begin + point / grid.columns()],
         grid.longitude[point % grid.columns()]);
  }
}

std::vector<float> Trajectory::advance(std::span<const float> states, int64_t from, int64_t stride) {
  std::vector<float> next =
      forecaster_.step(states, times_after(dataset_, times_, step_.times(from)), stride);
  check(next.size() == initial_.size(), "a forecast has another shape than its initial state");
  check_finite(states, next, from + stride);
  return next;
}

std::span<const float> Trajectory::at(int64_t steps) {
  check(steps >= done_, "lead times of a trajectory grow");
  for (const int64_t stride = strides_.back(); done_ + stride <= steps; done_ += stride)
    trunk_ = advance(trunk_, done_, stride);
  if (done_ == steps) return trunk_;
  int64_t at = done_;
  for (auto stride = strides_.rbegin(); at < steps; ++stride) {
    for (; at + *stride <= steps; at += *stride)
      branch_ = advance(at == done_ ? trunk_ : branch_, at, *stride);
  }
  return branch_;
}

}  // namespace seqvit::evaluate
