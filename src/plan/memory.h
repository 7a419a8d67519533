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

/// Bytes of a rank's tensors, by what they are for.
struct MemoryParts {
  int64_t weights = 0, gradients = 0, moments = 0, batch = 0, kept_activations = 0, block = 0,
          packed_operands = 0, send_buffers = 0, embedding_and_head = 0;

  int64_t total() const;
  /// Under the names of `plan --json`: "kept activations".
  std::map<std::string, int64_t> by_name() const;
  MemoryParts& operator+=(const MemoryParts& other);
};

struct MemoryPrediction {
  MemoryParts parts;  ///< at the peak
  int64_t peak = 0;   ///< their sum
};

MemoryPrediction predict_memory(const RankPart& part, const model::ModelShape& shape, const Config& config,
                                AttentionMemory attention);

}  // namespace seqvit::plan
