/// A forecast fed back to the model, in normalised fields and with gradients: what the model sees at each
/// step and what it is held to.
///
/// With tendencies, c_k = sum of the outputs of steps 1..k is compared with the change of the truth since the
/// start (both scaled as one step's change is), so step k answers for the error of all steps before it; the
/// next fields are x_k = x_0 + scale c_k + k shift, scale and shift bringing a normalised change to
/// normalised fields. With states, and of diagnostics always, the output is compared, and a state is the next
/// field. Where the start is missing a variable, so are all later fields of it: the model sees 0, the mean.
/// Forcings come with the batch, the states before move up.
///
/// A field that would leave its bounds (model.bounds) is put on them. Its gradient is that of the field as it
/// was put, but for what would push it further out: so a point that is held back still learns to come in.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/tensor.h"
#include "model/shape.h"

namespace seqvit::train {

/// My samples on my slab, normalised. B samples, V inputs (as data::Batch), K steps, T targets, F forcings.
struct LearnerBatch {
  Tensor input;         ///< [B, V, Y, X], 0 where missing
  Tensor condition;     ///< [B, K, conditions]
  Tensor target;        ///< [B, K, T, Y, X] as of BatchReader, NaN where missing
  Tensor scale, shift;  ///< [B, T]: std and mean of a target's tendency over the std of its state
  Tensor missing;  ///< [B, V, Y, X] of bool, for several steps: where input is missing; undefined: nowhere
  /// [B, K - 1, F, Y, X] of the later steps, 0 where missing; undefined: no forcings, or one step.
  Tensor forced;
  /// Of the valid points of `target` (WeightedLoss::weight_of), where whoever made the batch knows it: a step
  /// on a GPU then need not wait for the sum.
  std::optional<double> weight = {};

  /// What is done to every tensor that is there, of a part of the batch: `weight` is the whole's, and not
  /// kept.
  template <typename F>
  LearnerBatch mapped(const F& f) const {
    const auto of = [&](const Tensor& t) { return t.defined() ? f(t) : t; };
    return {of(input), of(condition), of(target), of(scale), of(shift), of(missing), of(forced)};
  }
};

/// `x` [B, T, Y, X] put into bounds [T, 2]; see above for its gradient.
Tensor held(const Tensor& x, const Tensor& bounds_T2);

class RolloutRule {
 public:
  RolloutRule(const model::ModelShape& shape, const at::TensorOptions& options);

 private:
  friend class Rollout;
  bool tendency_;
  Tensor state_;      // targets that are fed back
  Tensor fed_;        // the input that each of them is
  Tensor of_target_;  // the input that each target is
  Tensor order_;      // of each input, where it lies among: fed back, forcings, inputs as they are
  // [T, 1, 1]: 1 for a target whose changes add up, 0 for one that is put out as it is; undefined: all add up
  Tensor keeps_;
  Tensor bounds_;  // [T, 2]; undefined: none
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

  Tensor state_of(const Tensor& sum) const;
  Tensor sum_of(const Tensor& state) const;
  Tensor where_summed(const Tensor& summed, const Tensor& alone) const;
  void feed_back(const Tensor& forecast);
};

}  // namespace seqvit::train
