/// Which kernel computes attention on the CPU: ours with some instructions, or libtorch's.
///
/// The rule: ours with the best instructions that the processor has, else libtorch's. It depends on nothing
/// but processor, type and width, so the same mesh makes the same bytes twice and a resumed run goes on as it
/// was. What is timed does not: two kernels of equal speed are taken in turn, and their roundings differ.
/// Hence timing is asked for: SEQVIT_ATTENTION=measure takes the fastest that is right on a small piece of
/// the job's shape, says which (log, manifest.json), and SEQVIT_ATTENTION=NAME then repeats that one. All
/// ranks take the same (train/mesh_model), on processors that differ too.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "ops/attention_choice.h"
#include "ops/flash/kernel.h"

namespace seqvit::ops {

/// Ours with these instructions; nothing: libtorch's.
using CpuKernel = std::optional<flash::Instructions>;

/// All there are, in the order of the rule.
inline constexpr std::array<CpuKernel, 5> kCpuKernels = {
    flash::Instructions::amx, flash::Instructions::avx512_bf16, flash::Instructions::avx512,
    flash::Instructions::avx2, std::nullopt};

/// What SEQVIT_ATTENTION says.
struct CpuKernelWish {
  bool measure = false;
  std::array<bool, kCpuKernels.size()> allowed = {};  ///< of kCpuKernels, for the type
};
/// For fp32 or bf16. A kernel that does not compute the type (AMX, fp32) leaves it to the rule. Throws
/// Error(usage) for a name that is none, or of what this processor or system lacks.
CpuKernelWish cpu_kernel_wish(at::ScalarType type);

/// Seconds that each allowed kernel takes for forward and backward of a piece of this shape, one batch of as
/// many heads as there are threads, at most 512 queries and keys; and its error. Not allowed ones are
/// refused. The same shape is timed once in a process. Some 0.1 s.
std::vector<KernelTrial> time_cpu_kernels(const CpuKernelWish& wish, const AttentionSizes& shape,
                                          at::ScalarType type);

/// All attention of the type on the CPU from here on.
void use_cpu_kernel(at::ScalarType type, const CpuKernel& kernel);
/// As SEQVIT_ATTENTION says, by the rule where it says `measure`: for what has no ranks to agree with.
void use_wished_cpu_kernel(at::ScalarType type);

}  // namespace seqvit::ops
