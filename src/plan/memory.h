/// The peak of a rank's tensor memory in a training step, by part.
///
/// When to use it: to know before a job starts whether a layout fits. Derived from what the program holds and
/// when (headers of `parallel/param.h`, `ops/recompute.h`, block_memory.h), weights exactly, activations to
/// within the small tensors that are left out. `tests/plan` holds it against the allocator's peak on phantom
/// ranks. Microseconds a call.
///
/// The peak is looked for where it can be: each block of the stage at work in backward, with what blocks
/// before it keep and the gradients of those behind it; the head; the embedding; the end of the step, when
/// gradients are summed and weights published.
#pragma once

#include <map>
#include <string>

#include "plan/block_memory.h"

namespace seqvit::plan {

struct MemoryPrediction {
  /// weights, gradients, moments, batch, kept activations, block, packed operands, send buffers, embedding
  /// and head; bytes at the peak. They add up to `peak`.
  std::map<std::string, int64_t> parts;
  int64_t peak = 0;
};

MemoryPrediction predict_memory(const RankPart& part, const model::ModelShape& shape, const Config& config,
                                AttentionMemory attention);

}  // namespace seqvit::plan
