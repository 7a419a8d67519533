/// What one transformer block holds: kept between forward and backward, and at its worst while it works.
///
/// When to use it: by the memory model (memory.h), which adds weights, other blocks and the ends of the
/// model. Derived from the operations in `model/block.cpp`, `ops/` and the strategies of `parallel/`: which
/// tensors each saves, and which lie beside one another when it runs backward. A list of moments rather than
/// a sum, because which one is the worst depends on strategy, recomputation and kernel. Bytes.
#pragma once

#include "plan/rank_part.h"

namespace seqvit::plan {

/// How attention uses memory beside its inputs and results.
enum class AttentionMemory {
  flash,     ///< ops/flash: packed operands, gradients over q, k and v where a block runs again
  separate,  ///< gradients of q, k and v in tensors of their own (libtorch's kernels)
};

/// On this machine: of the kernel that computes it for such heads in this precision and on this device.
AttentionMemory attention_memory_here(const Config& config);

struct BlockMemory {
  int64_t kept = 0;     ///< of one micro-batch, from forward to backward, without weights
  int64_t at_work = 0;  ///< the most in backward, with what was kept, `packed` and `buffers`
  int64_t packed = 0;   ///< then: attention's packed operands
  int64_t buffers = 0;  ///< then: messages on their way in and out
};

BlockMemory predict_block(const RankPart& part, const model::ModelShape& shape, const Config& config,
                          AttentionMemory attention);

}  // namespace seqvit::plan
