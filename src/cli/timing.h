/// What benchmarks measure with.
#pragma once

#include <functional>

#include <ATen/core/Tensor.h>

namespace seqvit {

double seconds_of(const std::function<void()>& body);
/// Operations a second of one large matrix product of this type, on the threads of this process: what other
/// rates are compared with.
double matmul_rate(const at::TensorOptions& options);
/// Warns where products of `type` are slower than fp32's on this process's processor, by a trial of some
/// milliseconds: without instructions for bf16, libtorch takes some 60 times as long.
void warn_if_slow(at::ScalarType type);

}  // namespace seqvit
