/// One attention kernel for all ranks of a job.
#pragma once

#include <vector>

#include "comm/comm.h"
#include "ops/cpu_attention.h"

namespace seqvit::train {

/// On CPUs (ops/cpu_attention.h). From here on this process computes attention of the type with the first
/// kernel, in the order of the rule, that every rank has and allows; or, where a rank asks to measure, with
/// the one that takes all ranks together the least time and is right on each: then what was measured here is
/// returned. Throws Error(usage) where SEQVIT_ATTENTION names kernels that the ranks do not share. Other
/// types than fp32 and bf16 have no choice. Collective.
std::vector<ops::KernelTrial> agree_on_cpu_kernel(const ops::CpuKernelWish& wish,
                                                  const ops::AttentionSizes& shape, at::ScalarType type,
                                                  comm::Comm& world);

/// On GPUs (ops/attention_choice.h): from here on this process computes attention with the kernel that no
/// rank refuses and that takes all ranks together the least time. Returns what was tried, in seconds of all
/// ranks. `options` give type and device. Throws Error(bug) where each kernel is refused by some rank.
/// Collective.
std::vector<ops::KernelTrial> agree_on_gpu_kernel(const ops::AttentionSizes& shape,
                                                  const at::TensorOptions& options, comm::Comm& world);

}  // namespace seqvit::train
