#include "model/block.h"

#include <string>

#include "model/rotary.h"

namespace seqvit::model {

Block::Block(int64_t index, const ModelShape& shape, const ModelLayout& layout, int64_t mlp_tile)
    : peers_(*layout.peers),
      params_("blocks." + std::to_string(index), layout.whole, layout.cut, peers_),
      qkv_(params_, peers_, "norm1", "attn", shape.config.embed_dim, shape.config.num_heads, shape.seed,
           {shape.config.qk_norm, rotation_of(shape, layout)}),
      out_(params_, peers_, "attn.proj", shape.config.embed_dim, shape.config.embed_dim,
           shape.config.num_heads, shape.seed),
      mlp_(params_, peers_, shape.config.embed_dim, shape.hidden_dim(), mlp_tile, shape.seed) {
  if (shape.config.local == Local::depthwise)
    local_.emplace(params_, peers_, "local", shape.config.embed_dim);
  if (shape.config.noise_dim > 0)
    noise_.emplace(params_.whole(), "noise", shape.config.noise_dim, 2, shape.config.embed_dim, shape.seed);
  params_.seal();
}

Tensor Block::forward(const Tensor& x_BLD, const Tensor& keep_B11, const Tensor& noise_BZ) {
  const auto weights = params_.gather();
  const auto norms = noise_ ? (*noise_)(noise_BZ) : std::vector<parallel::Conditioning>(2);
  const Tensor here_BLD = local_ ? (*local_)(x_BLD) : x_BLD;
  const Tensor y_BLD = out_(peers_.attend(qkv_(here_BLD, norms[0])), here_BLD, keep_B11);
  return mlp_(y_BLD, keep_B11, norms[1]);
}

}  // namespace seqvit::model
