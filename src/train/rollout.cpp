#include "train/rollout.h"

#include <algorithm>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/error.h"

namespace seqvit::train {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct HeldFunction : torch::autograd::Function<HeldFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& low, const Tensor& high) {
    ctx->save_for_backward({x, low, high});
    return at::minimum(at::maximum(x, low), high);
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto saved = ctx->get_saved_variables();
    const Tensor& x = saved[0];
    // A step goes against the gradient: below, one that is not negative leads further down.
    const Tensor leads_out =
        (x < saved[1]).logical_and(grads[0] >= 0.0).logical_or((x > saved[2]).logical_and(grads[0] <= 0.0));
    return {grads[0].masked_fill(leads_out, 0.0), Tensor(), Tensor()};
  }
};

/// [T] as [T, 1, 1]; [B, T] as [B, T, 1, 1].
Tensor of_fields(const Tensor& of_targets) {
  return of_targets.unsqueeze(-1).unsqueeze(-1);
}

bool contains(const std::vector<int64_t>& values, int64_t value) {
  return std::ranges::find(values, value) != values.end();
}

}  // namespace

Tensor held(const Tensor& x, const Tensor& bounds_T2) {
  return HeldFunction::apply(x, of_fields(bounds_T2.select(1, 0)), of_fields(bounds_T2.select(1, 1)));
}

RolloutRule::RolloutRule(const model::ModelShape& shape, const at::TensorOptions& options)
    : tendency_(shape.config.predict == Predict::tendency) {
  const model::Feedback& feedback = shape.feedback;
  const auto indices = [&](const std::vector<int64_t>& values) {
    return at::tensor(values, at::kLong).to(options.device());
  };
  std::vector<int64_t> state, fed, order(shape.inputs());
  std::vector<double> keeps;
  for (size_t t = 0; t < shape.targets.size(); ++t) {
    const bool diagnostic = contains(feedback.diagnostics, shape.targets[t]);
    keeps.push_back(diagnostic ? 0.0 : 1.0);
    if (diagnostic) continue;
    state.push_back(static_cast<int64_t>(t)), fed.push_back(shape.targets[t]);
  }
  const int64_t first_forcing = std::ssize(state),
                first_input = first_forcing + std::ssize(feedback.forcings);
  for (int64_t i = 0; i < shape.inputs(); ++i)
    order[i] = first_input + i;
  for (size_t f = 0; f < feedback.forcings.size(); ++f)
    order[feedback.forcings[f]] = first_forcing + static_cast<int64_t>(f);
  for (const auto& [a, b] : feedback.shifts)
    order[a] = first_input + b;
  for (size_t s = 0; s < fed.size(); ++s)
    order[fed[s]] = static_cast<int64_t>(s);
  state_ = indices(state), fed_ = indices(fed), of_target_ = indices(shape.targets), order_ = indices(order);
  if (!feedback.diagnostics.empty()) keeps_ = of_fields(at::tensor(keeps, at::kDouble)).to(options);
  if (feedback.bounds.empty()) return;
  std::vector<double> bounds;
  for (const auto& ends : feedback.bounds)
    bounds.insert(bounds.end(), ends.begin(), ends.end());
  bounds_ = at::tensor(bounds, at::kDouble).view({-1, 2}).to(options);
}

Rollout::Rollout(const LearnerBatch& batch, const RolloutRule& rule)
    : batch_(batch), rule_(rule), fields_(batch.input) {}

/// The normalised fields after this step of targets whose changes add up.
Tensor Rollout::state_of(const Tensor& sum) const {
  return batch_.input.index_select(1, rule_.of_target_) + sum * of_fields(batch_.scale) +
         static_cast<double>(step_) * of_fields(batch_.shift);
}

/// The sum of changes that brings targets there.
Tensor Rollout::sum_of(const Tensor& state) const {
  return (state - batch_.input.index_select(1, rule_.of_target_) -
          static_cast<double>(step_) * of_fields(batch_.shift)) /
         of_fields(batch_.scale);
}

/// `summed` of targets whose changes add up, `alone` of those that are put out as they are.
Tensor Rollout::where_summed(const Tensor& summed, const Tensor& alone) const {
  return rule_.keeps_.defined() ? at::where(rule_.keeps_ > 0.5, summed, alone) : summed;
}

Tensor Rollout::advance(const Tensor& output) {
  ++step_;
  if (!rule_.tendency_) {
    const Tensor forecast = rule_.bounds_.defined() ? held(output, rule_.bounds_) : output;
    if (!done()) feed_back(forecast);
    return forecast;
  }
  if (!sum_.defined()) {
    sum_ = output;
  } else {
    sum_ = rule_.keeps_.defined() ? sum_ * rule_.keeps_ + output : sum_ + output;
  }
  if (rule_.bounds_.defined()) {
    const Tensor fields = where_summed(state_of(sum_), sum_), put = held(fields, rule_.bounds_);
    // What stands on a bound is made of nothing else: there members are equal, and a loss that hangs on which
    // of two is larger, or on zero, does not hang on rounding.
    sum_ = at::where(put == fields, sum_, where_summed(sum_of(put), put));
  }
  if (!done()) feed_back(state_of(sum_));
  return sum_;
}

/// `forecast` [B, T, Y, X] in the order of targets.
void Rollout::feed_back(const Tensor& forecast) {
  Tensor next = rule_.state_.size(0) == forecast.size(1) ? forecast : forecast.index_select(1, rule_.state_);
  if (batch_.missing.defined()) next = next.masked_fill(batch_.missing.index_select(1, rule_.fed_), 0.0);
  std::vector<Tensor> parts = {next};
  if (batch_.forced.defined()) parts.push_back(batch_.forced.select(1, step_ - 1));
  parts.push_back(fields_);
  fields_ = at::cat(parts, 1).index_select(1, rule_.order_);
}

}  // namespace seqvit::train
