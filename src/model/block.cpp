#include "model/block.h"

#include <string>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/gelu.h>

#include "ops/attention.h"
#include "ops/mlp.h"
#include "ops/norm_linear.h"
#include "ops/recompute.h"

namespace seqvit {
namespace {

Tensor add(const Tensor& x_BLD, const Tensor& branch_BLD, const Tensor& keep_B11) {
  return keep_B11.defined() ? x_BLD + branch_BLD * keep_B11 : x_BLD + branch_BLD;
}

/// [B, H, L, E] -> [B, L, H E]
Tensor join_heads(const Tensor& out) {
  return out.transpose(1, 2).flatten(2);
}

}  // namespace

Block::Block(int64_t index, const ModelShape& shape, const SequenceParallel& sequence,
             const Sharding& sharding, int64_t mlp_tile)
    : width_(shape.config.embed_dim),
      heads_(shape.config.num_heads),
      tile_(mlp_tile),
      sequence_(sequence),
      params_("blocks." + std::to_string(index), sharding),
      norm1_(params_, "norm1", width_),
      qkv_(params_, "attn.qkv", width_, 3 * width_, shape.seed),
      projection_(params_, "attn.proj", width_, width_, shape.seed),
      norm2_(params_, "norm2", width_),
      fc1_(params_, "mlp.fc1", width_, shape.hidden_dim(), shape.seed),
      fc2_(params_, "mlp.fc2", shape.hidden_dim(), width_, shape.seed) {
  params_.seal();
}

Tensor Block::attention(const Tensor& x_BLD) const {
  if (!sequence_.gathers_context()) {
    const auto qkv = split_heads(
        norm_linear(x_BLD, {norm1_.weight(), norm1_.bias(), qkv_.weight(), qkv_.bias()}), 3, heads_);
    return projection_.forward(join_heads(sequence_.attend(qkv[0], qkv[1], qkv[2])));
  }
  // Queries of my tokens, keys and values of everyone's. The cast to the compute type stands before the seam,
  // so that a strategy moves tokens in their smaller form.
  const Tensor u_BLD = norm1_.forward(x_BLD).to(params_.sharding().compute);
  const Tensor q = split_heads(qkv_.forward_rows(u_BLD, {0, width_}), 1, heads_)[0];
  const auto kv = split_heads(qkv_.forward_rows(sequence_.context(u_BLD), {width_, 3 * width_}), 2, heads_);
  return projection_.forward(join_heads(sequence_.attend(q, kv[0], kv[1])));
}

Tensor Block::mlp(const Tensor& x_BLD, const Tensor& keep_B11) const {
  // A graph that keeps the hidden tensors is the fastest; where they are not to be kept, tiles.
  if (at::GradMode::is_enabled() && !recomputing())
    return add(x_BLD, fc2_.forward(at::gelu(fc1_.forward(norm2_.forward(x_BLD)))), keep_B11);
  return mlp_residual(
      x_BLD, keep_B11,
      {norm2_.weight(), norm2_.bias(), fc1_.weight(), fc1_.bias(), fc2_.weight(), fc2_.bias()}, tile_);
}

Tensor Block::forward(const Tensor& x_BLD, const Tensor& keep_B11) const {
  return mlp(add(x_BLD, attention(x_BLD), keep_B11), keep_B11);
}

}  // namespace seqvit
