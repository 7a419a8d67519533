/// A forecast fed back to the model, in normalised fields and with gradients: what the model sees at each
/// step and what it is held to.
///
/// With tendencies, c_k = sum of the outputs of steps 1..k is compared with the change of the truth since the
/// start (both scaled as one step's change is), so step k answers for the error of all steps before it; the
/// next fields are x_k = x_0 + scale c_k + k shift, scale and shift bringing a normalised change to
/// normalised fields. With states the output is compared, and is the next field. Where the start is missing a
/// variable, so are all later fields of it: the model sees 0, the mean.
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor.h"

namespace seqvit::train {

/// My samples on my slab, normalised. B samples, V inputs (variables, then statics), K steps, T targets.
struct LearnerBatch {
  Tensor input;         ///< [B, V, Y, X], 0 where missing
  Tensor condition;     ///< [B, K, conditions]
  Tensor target;        ///< [B, K, T, Y, X] as of BatchReader, NaN where missing
  Tensor scale, shift;  ///< [B, T]: std and mean of a target's tendency over the std of its state
  Tensor missing;  ///< [B, V, Y, X] of bool, for several steps: where input is missing; undefined: nowhere
};

struct RolloutRule {
  bool tendency = true;
  std::vector<int64_t>
      targets;  ///< the input that each output is; all variables, where there are several steps
};

class Rollout {
 public:
  Rollout(const LearnerBatch& batch, const RolloutRule& rule);

  bool done() const { return step_ == batch_.target.size(1); }
  /// Whether the step to come is the last.
  bool at_last() const { return step_ + 1 == batch_.target.size(1); }
  /// [B, V, Y, X] and [B, conditions] of the step to come.
  const Tensor& fields() const { return fields_; }
  Tensor condition() const { return batch_.condition.select(1, step_); }
  /// Takes the model's output [B, T, Y, X] of this step; returns what to compare with target().
  Tensor advance(const Tensor& output);
  /// [B, T, Y, X] of the step that advance() has just taken.
  Tensor target() const { return batch_.target.select(1, step_ - 1); }

 private:
  const LearnerBatch& batch_;
  const RolloutRule& rule_;
  int64_t step_ = 0;
  Tensor fields_;
  Tensor sum_;  // of outputs, with tendencies

  void feed_back(const Tensor& forecast);
};

}  // namespace seqvit::train
