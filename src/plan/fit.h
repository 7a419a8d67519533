/// Whether a run's own layout has room on the machine, before it starts.
///
/// When to use it: by `train`, with the memory that a rank has. A run that would be ended by the system in
/// mid-step is refused at its start instead, with the smallest change that makes it fit.
#pragma once

#include <string>

#include "plan/layouts.h"

namespace seqvit::plan {

/// "" where the fullest rank of `config`'s layout takes no more than `memory_bytes`; else what it takes and
/// the settings that fit: of recomputation, micro-batches and ZeRO stage, else of another layout of as many
/// ranks. Microseconds where it fits, else as long as a plan.
std::string misfit(const model::ModelShape& shape, const Config& config, AttentionMemory attention,
                   int64_t memory_bytes);

}  // namespace seqvit::plan
