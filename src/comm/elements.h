/// Elements of flat tensors, moved and summed without the dispatcher where they lie in host memory.
///
/// When to use it: inside implementations of Comm, whose messages are often a few elements: an ATen operator
/// costs about a microsecond, a memcpy some nanoseconds. Tensors on a device go through ATen. Nothing here
/// records gradients.
#pragma once

#include <cstdint>

#include "core/tensor.h"

namespace seqvit::comm {

/// Uninitialised 1-D tensor of `count` elements with dtype and device of `like`.
Tensor flat_empty(const Tensor& like, int64_t count);

/// to[to_index + i] = from[from_index + i] for i < count.
void copy_elements(const Tensor& from, int64_t from_index, const Tensor& to, int64_t to_index, int64_t count);

/// to[to_index + i] += from[from_index + i] for i < count; the dtype is one that `can_be_summed`.
void add_elements(const Tensor& from, int64_t from_index, const Tensor& to, int64_t to_index, int64_t count);

/// float, double and int64: bf16 is summed in fp32 by whoever knows what precision the sum needs.
bool can_be_summed(at::ScalarType dtype);

}  // namespace seqvit::comm
