#include "evaluate/trajectory.h"

#include <algorithm>
#include <cmath>
#include <limits>

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

/// The members [B, M, V, Y, X] of the states at `times` or, by the same change of each, of states before
/// them.
std::vector<float> members_of(const std::vector<float>& initial, std::span<const int64_t> times,
                              const Ensemble& ensemble, const data::Dataset& dataset, Range rows) {
  const auto state = initial.size() / times.size();
  std::vector<float> states(initial.size() * ensemble.members);
  for (size_t n = 0; n < times.size() * ensemble.members; ++n) {
    const size_t b = n / ensemble.members;
    const std::span<float> member = std::span(states).subspan(n * state, state);
    std::ranges::copy(std::span(initial).subspan(b * state, state), member.begin());
    perturb(ensemble, dataset.grid(), rows, dataset.times()[times[b]],
            static_cast<int64_t>(n % ensemble.members), member);
  }
  return states;
}

/// Each for all members.
std::vector<int64_t> for_members(std::span<const int64_t> times, int64_t members) {
  std::vector<int64_t> all;
  for (const int64_t time : times)
    all.insert(all.end(), members, time);
  return all;
}

/// The times that lie `lead` after those of indices `initial`.
std::vector<data::TimeStamp> times_after(const data::Dataset& dataset, std::span<const int64_t> initial,
                                         const data::LeadTime& lead) {
  std::vector<data::TimeStamp> times;
  for (const int64_t index : initial)
    times.push_back(lead.after(dataset.times()[index], dataset.calendar()));
  return times;
}

/// Indices of the times that lie `lead` after those of `initial`, which the files hold.
std::vector<int64_t> earlier(const data::Dataset& dataset, std::span<const int64_t> initial,
                             const data::LeadTime& lead) {
  std::vector<int64_t> indices;
  for (const data::TimeStamp time : times_after(dataset, initial, lead))
    indices.push_back(dataset.time_index(time));
  return indices;
}

}  // namespace

Trajectory::Trajectory(const data::Dataset& dataset, Forecaster& forecaster, const data::LeadTime& step,
                       std::span<const int64_t> initial, const Ensemble& ensemble)
    : dataset_(dataset),
      forecaster_(forecaster),
      step_(step),
      times_(for_members(initial, ensemble.members)),
      strides_(forecaster.strides()),
      forcings_(dataset.of_role(data::Role::forcing)),
      ensemble_(ensemble),
      initial_(read_states(dataset, initial, forecaster.rows())),
      trunk_(members_of(initial_, initial, ensemble, dataset, forecaster.rows())) {
  check(!strides_.empty() && strides_.front() == 1, "a forecaster takes strides of one lead time");
  check(forecaster.history() == 1 || strides_.size() == 1, "states before are one step apart");
  for (int64_t before = 1; before < forecaster.history(); ++before)
    past_.push_back(
        members_of(read_states(dataset, earlier(dataset, initial, step.times(-before)), forecaster.rows()),
                   initial, ensemble, dataset, forecaster.rows()));
}

/// Puts the forcings of the time `steps` steps after the start into `states`, [B, V, Y, X]; missing where the
/// files hold none.
void Trajectory::take_forcings(std::span<float> states, int64_t steps) const {
  const int64_t points = forecaster_.rows().size() * dataset_.grid().columns();
  const auto variables = std::ssize(dataset_.variables());
  const std::vector<data::TimeStamp> times = times_after(dataset_, times_, step_.times(steps));
  for (const int64_t v : forcings_) {
    for (size_t b = 0; b < times.size(); ++b) {
      const auto field = states.subspan((static_cast<int64_t>(b) * variables + v) * points, points);
      if (!dataset_.read_at(v, times[b], forecaster_.rows(), field))
        std::ranges::fill(field, std::numeric_limits<float>::quiet_NaN());
    }
  }
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

std::vector<uint64_t> Trajectory::noise_keys(int64_t from) const {
  std::vector<uint64_t> keys;
  for (int64_t n = 0; n < std::ssize(times_); ++n)
    keys.push_back(noise_key(ensemble_, dataset_.times()[times_[n]], n % ensemble_.members, from));
  return keys;
}

/// `states` and those before them as the forecaster takes them, [B, H, V, Y, X].
std::vector<float> Trajectory::with_past(std::span<const float> states) const {
  const auto size = static_cast<size_t>(std::ssize(states) / std::ssize(times_));
  std::vector<float> given;
  for (size_t b = 0; b < times_.size(); ++b) {
    const auto add = [&](std::span<const float> of_all) {
      const auto one = of_all.subspan(b * size, size);
      given.insert(given.end(), one.begin(), one.end());
    };
    add(states);
    for (const std::vector<float>& before : past_)
      add(before);
  }
  return given;
}

std::vector<float> Trajectory::advance(std::span<const float> states, int64_t from, int64_t stride) {
  std::vector<float> forced;
  if (from > 0 && !forcings_.empty()) {
    forced.assign(states.begin(), states.end());
    take_forcings(forced, from);
    states = forced;
  }
  const std::vector<float> given = past_.empty() ? std::vector<float>{} : with_past(states);
  std::vector<float> next =
      forecaster_.step(past_.empty() ? states : given, times_after(dataset_, times_, step_.times(from)),
                       stride, noise_keys(from));
  check(next.size() == trunk_.size(), "a forecast has another shape than its initial state");
  check_finite(states, next, from + stride);
  if (!past_.empty()) {
    past_.pop_back();
    past_.emplace(past_.begin(), states.begin(), states.end());
  }
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
