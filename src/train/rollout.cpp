#include "train/rollout.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>

#include "core/error.h"

namespace seqvit::train {

Rollout::Rollout(const LearnerBatch& batch, const RolloutRule& rule)
    : batch_(batch), rule_(rule), fields_(batch.input) {}

Tensor Rollout::advance(const Tensor& output) {
  ++step_;
  if (!rule_.tendency) {
    if (!done()) feed_back(output);
    return output;
  }
  sum_ = sum_.defined() ? sum_ + output : output;
  if (!done()) {
    const auto of_target = [](const Tensor& t) { return t.unsqueeze(-1).unsqueeze(-1); };
    const Tensor start =
        batch_.input.index_select(1, at::tensor(rule_.targets, at::kLong).to(batch_.input.device()));
    feed_back(start + sum_ * of_target(batch_.scale) + static_cast<double>(step_) * of_target(batch_.shift));
  }
  return sum_;
}

/// `forecast` [B, T, Y, X] in the order of targets.
void Rollout::feed_back(const Tensor& forecast) {
  const int64_t variables = std::ssize(rule_.targets), statics = batch_.input.size(1) - variables;
  check(statics >= 0, "a forecast of some variables is fed back");
  std::vector<int64_t> order(rule_.targets.size());  // where each variable is among the targets
  for (int64_t t = 0; t < variables; ++t)
    order[rule_.targets[t]] = t;
  Tensor next = forecast.index_select(1, at::tensor(order, at::kLong).to(forecast.device()));
  if (batch_.missing.defined()) next = next.masked_fill(batch_.missing.narrow(1, 0, variables), 0.0);
  fields_ = at::cat({next, batch_.input.narrow(1, variables, statics)}, 1);
}

}  // namespace seqvit::train
