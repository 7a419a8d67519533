/// A result with its gradients, to compare two ways of computing it.
#pragma once

#include <vector>

#include "core/tensor.h"

namespace seqvit::ops {

/// y, then the gradients of sum(y seed) in each of `inputs`, which are cleared.
inline std::vector<Tensor> with_gradients(const Tensor& y, const Tensor& seed,
                                          const std::vector<Tensor>& inputs) {
  (y * seed).sum().backward();
  std::vector<Tensor> all = {y.detach()};
  for (const Tensor& input : inputs) {
    all.push_back(input.grad().clone());
    input.mutable_grad().reset();
  }
  return all;
}

/// Largest difference, each tensor's in units of its largest value.
inline double worst(const std::vector<Tensor>& found, const std::vector<Tensor>& expected) {
  double error = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    error = std::max(
        error, ((found[i] - expected[i]).abs().max() / expected[i].abs().max()).template item<double>());
  }
  return error;
}

}  // namespace seqvit::ops
