/// Forecasts from some initial times at growing lead times, each made in as few steps as the forecaster
/// allows: as many of its longest stride as fit, then shorter ones. What long strides have reached is shared
/// by all later lead times. Of an ensemble every initial time has M members, side by side in the batch.
/// Forcings are those of the files at the time of each step, missing where they hold none (missing_step of
/// rollout_plan.h tells beforehand).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/dataset.h"
#include "data/samples.h"
#include "evaluate/ensemble.h"
#include "evaluate/forecaster.h"

namespace seqvit::evaluate {

class Trajectory {
 public:
  /// `initial`: time indices; `step`: the lead time of stride 1. Reads the initial states, and those before
  /// that the forecaster is given. References must outlive this. Throws Error(data).
  Trajectory(const data::Dataset& dataset, Forecaster& forecaster, const data::LeadTime& step,
             std::span<const int64_t> initial, const Ensemble& ensemble = {});

  /// [B, V, Y, X] on the forecaster's rows, as the data have them.
  const std::vector<float>& initial() const { return initial_; }
  /// The forecasts [B, M, V, Y, X] after `steps` steps, valid until the next call; `steps` only grows.
  /// Collective. Throws Error(not_finite) on the rank that owns a point at which a valid state has become one
  /// that is not finite.
  std::span<const float> at(int64_t steps);

 private:
  const data::Dataset& dataset_;
  Forecaster& forecaster_;
  data::LeadTime step_;
  std::vector<int64_t> times_;  // of every member
  std::vector<int64_t> strides_;
  std::vector<int64_t> forcings_;  // variables
  Ensemble ensemble_;
  std::vector<std::vector<float>> past_;  // states one, two, ... steps before the trunk
  std::vector<float> initial_, trunk_, branch_;
  int64_t done_ = 0;  // steps of the trunk, which goes by the longest stride

  void check_finite(std::span<const float> states, std::span<const float> next, int64_t steps) const;
  std::vector<uint64_t> noise_keys(int64_t from) const;
  std::vector<float> advance(std::span<const float> states, int64_t from, int64_t stride);
  std::vector<float> with_past(std::span<const float> states) const;
  void take_forcings(std::span<float> states, int64_t steps) const;
};

}  // namespace seqvit::evaluate
