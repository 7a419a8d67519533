/// What benchmarks measure with.
#pragma once

#include <functional>

#include <ATen/core/Tensor.h>

namespace seqvit {

double seconds_of(const std::function<void()>& body);
/// Operations a second of one large matrix product of this type, on the threads of this process: what other
/// rates are compared with.
double matmul_rate(const at::TensorOptions& options);
/// Says so where bf16 is computed in fp32 on this process's processor.
void say_if_widened(at::ScalarType type);

}  // namespace seqvit
