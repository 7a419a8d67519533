/// Names for libtorch's tensor, and the bridge from plain memory.
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "core/kinds.h"

namespace seqvit {

using at::Tensor;

/// Type of matrix products and attention.
inline at::ScalarType compute_type(Precision precision) {
  switch (precision) {
    case Precision::bf16:
      return at::kBFloat16;
    case Precision::fp64:
      return at::kDouble;
    default:
      return at::kFloat;
  }
}
/// Type of weights, moments, norms, residual stream and loss.
inline at::ScalarType master_type(Precision precision) {
  return precision == Precision::fp64 ? at::kDouble : at::kFloat;
}
/// The type that sums of such tensors are made in.
inline at::ScalarType sum_type(const Tensor& t) {
  return t.scalar_type() == at::kBFloat16 ? at::kFloat : t.scalar_type();
}

}  // namespace seqvit
