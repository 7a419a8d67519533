/// Values in the memory of the CPU as tensors where they are needed, without making the host wait for a GPU.
///
/// When to use it: for tables and masks made on the host within a step. `at::tensor(...).to(gpu)` copies from
/// memory that is not pinned, and so waits until the GPU has done all that was asked of it before.
#pragma once

#include <cstdint>
#include <span>

#include "core/tensor.h"

namespace seqvit::ops {

/// A new tensor of this shape, type and device. To a GPU through pinned memory on the current stream.
Tensor to_device(std::span<const float> values, at::IntArrayRef shape, const at::TensorOptions& options);
Tensor to_device(std::span<const double> values, at::IntArrayRef shape, const at::TensorOptions& options);
Tensor to_device(std::span<const int64_t> values, at::IntArrayRef shape, const at::TensorOptions& options);

}  // namespace seqvit::ops
