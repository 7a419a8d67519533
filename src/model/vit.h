/// The vision transformer: embed, blocks, head, on my part of the sequence.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include <ATen/core/Tensor.h>

#include "model/block.h"
#include "model/embed.h"
#include "model/head.h"
#include "ops/offload.h"

namespace seqvit {

/// Identifies the samples of a batch for drop path: the same numbers on every mesh.
struct DropPathKeys {
  int64_t step = 0;
  std::span<const int64_t>
      samples;  ///< position in the global batch of each of my samples; empty: nothing is dropped
};

class Vit {
 public:
  Vit(const ModelShape& shape, const Slab& slab, const SequenceParallel& sequence, const Sharding& sharding,
      const MemoryConfig& memory);

  /// Normalised inputs [B, V, Y, X] on my slab -> normalised targets [B, T, Y, X], zero where another rank
  /// owns the point. `condition` [B, conditions]: numbers that hold for whole samples (phases of day and
  /// year); unused if there are none.
  Tensor forward(const Tensor& fields_BVYX, const Tensor& condition_BC, const DropPathKeys& drop = {});
  /// 1 where this rank predicts the point: [T, Y, X].
  Tensor owned() const { return head_.owned(); }

  /// Every group of weights, in the order of use.
  std::vector<ParamGroup*> groups();
  int64_t parameters();

 private:
  ModelShape shape_;
  Recompute recompute_;
  std::unique_ptr<OffloadFile> offload_;
  Embed embed_;
  std::vector<std::unique_ptr<Block>> blocks_;
  Head head_;

  Tensor keep_mask(const DropPathKeys& drop, int64_t layer, at::ScalarType type) const;
};

}  // namespace seqvit
