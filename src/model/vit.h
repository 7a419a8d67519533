/// The vision transformer: embed, blocks, head, on my part of the sequence; of a pipeline, one stage of it.
/// Or the convolutional network that it is compared with (`model.network`), which is whole.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <ATen/core/Tensor.h>

#include "model/block.h"
#include "model/embed.h"
#include "model/head.h"
#include "model/unet.h"
#include "ops/offload.h"

namespace seqvit::model {

/// Identifies the samples of a batch for drop path: the same numbers on every mesh.
struct DropPathKeys {
  int64_t step = 0;
  /// Position in the global batch of each of my samples; empty: nothing is dropped.
  std::span<const int64_t> samples;
};

class Vit {
 public:
  Vit(const ModelShape& shape, const ModelLayout& layout, const MemoryConfig& memory);

  /// Normalised inputs [B, V, Y, X] on my slab -> normalised targets [B, T, Y, X], zero where another rank
  /// owns the point. `condition` [B, conditions + noise_dim]: numbers that hold for whole samples (phases of
  /// day and year), then their noise; unused if there are none. For a model that is all here.
  Tensor forward(const Tensor& fields_BVYX, const Tensor& condition_BC, const DropPathKeys& drop = {}) {
    return forward(0, fields_BVYX, condition_BC, drop);
  }
  /// One chunk of this stage: takes fields if it begins the model, else my tokens [B, L, D] of the chunk
  /// before; gives targets if it ends the model, else tokens.
  Tensor forward(int64_t chunk, const Tensor& in, const Tensor& condition_BC, const DropPathKeys& drop);
  bool begins_model(int64_t chunk) const { return layout_.chunks[chunk].begin == 0; }
  bool ends_model(int64_t chunk) const { return layout_.chunks[chunk].end == shape_.config.depth; }
  /// Shape of tokens between chunks.
  std::vector<int64_t> token_shape(int64_t batch) const {
    return {batch, layout_.slab.tokens.size(), shape_.config.embed_dim};
  }

  /// Every group of weights that is here, in the order of use.
  std::vector<parallel::ParamGroup*> groups();

 private:
  ModelShape shape_;
  ModelLayout layout_;
  Recompute recompute_;
  std::unique_ptr<ops::ActivationStore> store_;
  std::optional<Embed> embed_;  // with the first block
  std::vector<std::vector<std::unique_ptr<Block>>> chunks_;
  std::optional<Head> head_;  // with the last block
  std::optional<UNet> unet_;  // in the place of all three, where that is asked for

  Tensor keep_mask(const DropPathKeys& drop, int64_t layer, const Tensor& like) const;
};

}  // namespace seqvit::model
