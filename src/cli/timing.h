/// What benchmarks measure with.
#pragma once

#include <functional>

#include <ATen/core/Tensor.h>

namespace seqvit::cli {

double seconds_of(const std::function<void()>& body);
/// Operations a second of one large matrix product of this type, on the threads of this process: what other
/// rates are compared with.
double matmul_rate(const at::TensorOptions& options);
/// Says what `type` costs on this process's processor where that is not what one expects: bf16 that is
/// computed in fp32; products slower than fp32's, by a trial of some milliseconds.
void say_if_slow(at::ScalarType type);

}  // namespace seqvit::cli
