/// libtorch's CPU allocator in this program: counts the bytes that tensors hold (what a step needs, free of
/// what the C library keeps for later and of code and buffers of other libraries), and keeps large tensors
/// close together (arena.h).
#pragma once

#include <cstdint>

namespace seqvit::ops {

/// Once, before the first tensor.
void install_tensor_allocator();

int64_t tensor_bytes();
/// Largest tensor_bytes() since the last reset.
int64_t peak_tensor_bytes();
void reset_peak_tensor_bytes();

/// Memory that no tensor holds any longer goes back to the system, as if none had been.
void return_idle_memory();

}  // namespace seqvit::ops
