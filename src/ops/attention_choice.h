/// Which attention kernel a job runs with, decided by trial on its own shape. On the CPU only where that is
/// asked for (ops/cpu_attention.h).
///
/// Why: on GPUs libtorch offers three (flash, cuDNN, memory-efficient). Each refuses or, in some versions,
/// silently miscomputes some shapes and types, and none is always the fastest. So before a run each computes
/// the job's exact shape; what fails or differs from exact attention is dropped, and of the rest the fastest
/// is taken.
#pragma once

#include <string>
#include <vector>

#include "ops/attention.h"

namespace seqvit::ops {

/// Kernels for tensors of a type on a device: of a GPU libtorch's; for fp64, which none of those takes
/// (`verify` proves layouts in it, at small size), and on other devices plain products that hold all scores.
std::vector<AttentionKernel> attention_kernels(c10::Device device, at::ScalarType type);

struct AttentionSizes {
  int64_t batch, heads, queries, keys, head_dim;
};

struct KernelTrial {
  std::string name;
  double error = 0.0;    ///< largest, relative to the largest element, of result, log-sum-exp and gradients
  double seconds = 0.0;  ///< of forward and backward, the least of all rounds
  std::string refused;   ///< why it is not taken; empty: it may be
};

/// Tries every kernel on random tensors of this shape; `options` give type and device. Exact attention is
/// computed in fp32 (fp64 for fp64) for some queries only, over all keys: the others get no gradient, so all
/// gradients are known at a cost that grows with the length, not its square. `tolerance` is relative; 0: that
/// of the type.
std::vector<KernelTrial> try_attention_kernels(const std::vector<AttentionKernel>& kernels,
                                               const AttentionSizes& shape, const at::TensorOptions& options,
                                               double tolerance = 0.0, int rounds = 1);

/// The fastest that was not refused. Throws Error(bug) naming every reason if there is none.
size_t choose_attention_kernel(const std::vector<KernelTrial>& trials);

}  // namespace seqvit::ops
