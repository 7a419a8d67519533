/// A trained model as a Forecaster: normalise, run, bring back to physical units.
#pragma once

#include <vector>

#include "evaluate/forecaster.h"
#include "train/experiment.h"
#include "train/mesh_model.h"

namespace seqvit::train {

class ModelForecaster final : public evaluate::Forecaster {
 public:
  /// Weights are those `model` holds. References must outlive this.
  ModelForecaster(const Experiment& experiment, MeshModel& model);

  /// Variables that are not targets come back missing; points that are missing stay missing.
  std::vector<float> step(std::span<const float> states, std::span<const data::TimeStamp> times,
                          int64_t stride, std::span<const uint64_t> noise) override;
  std::vector<int64_t> strides() const override { return experiment_.strides; }
  int64_t history() const override { return experiment_.config.data.history; }
  int64_t patch_columns() const override;
  Range rows() const override { return model_.slab().rows; }
  std::span<const float> owned() const override { return owned_; }
  void sum_over_ranks(std::span<double> values) override;
  bool writes() const override { return model_.mesh().world().rank() == 0; }

 private:
  const Experiment& experiment_;
  MeshModel& model_;
  Tensor statics_;              // [1, S, Y, X] normalised
  std::vector<int64_t> state_;  // variables whose states before are inputs
  std::vector<float> owned_;    // [V, Y, X]
};

}  // namespace seqvit::train
