/// Bytes that tensors hold in this process, counted at libtorch's CPU allocator: what a step needs, free of
/// what the C library keeps for later and of code and buffers of other libraries.
#pragma once

#include <cstdint>

namespace seqvit {

/// Starts to count: once, before the first tensor.
void count_tensor_memory();

int64_t tensor_bytes();
/// Largest tensor_bytes() since the last reset.
int64_t peak_tensor_bytes();
void reset_peak_tensor_bytes();

}  // namespace seqvit
