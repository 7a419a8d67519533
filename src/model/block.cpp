#include "model/block.h"

#include <string>
#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/gelu.h>

#include "ops/attention.h"
#include "ops/linear_residual.h"
#include "ops/mlp.h"
#include "ops/norm_linear.h"
#include "ops/recompute.h"

namespace seqvit::model {
namespace {

/// [B, H, L, E] -> [B, L, H E]
Tensor join_heads(const Tensor& out) {
  return out.transpose(1, 2).flatten(2);
}

}  // namespace

Block::Block(int64_t index, const ModelShape& shape, const ModelLayout& layout, int64_t mlp_tile)
    : sequence_(*layout.sequence),
      tensor_(*layout.tensor),
      width_(shape.config.embed_dim),
      heads_(tensor_.share_of(shape.config.num_heads).size()),
      tile_(mlp_tile),
      whole_("blocks." + std::to_string(index), layout.whole),
      own_(tensor_.is_alone() ? nullptr : std::make_unique<parallel::ParamGroup>(whole_.name(), layout.cut)),
      cut_(own_ ? *own_ : whole_),
      norm1_(whole_, "norm1", width_),
      qkv_(cut_, whole_, "attn.qkv", width_, 3 * width_, shape.seed, my_heads(0, 3, shape)),
      projection_(cut_, whole_, "attn.proj", width_, width_, shape.seed, my_heads(1, 1, shape)),
      norm2_(whole_, "norm2", width_),
      fc1_(cut_, whole_, "mlp.fc1", width_, shape.hidden_dim(), shape.seed, my_channels(0, shape)),
      fc2_(cut_, whole_, "mlp.fc2", shape.hidden_dim(), width_, shape.seed, my_channels(1, shape)) {
  for (parallel::ParamGroup* group : groups())
    group->seal();
}

parallel::Slice Block::my_heads(int64_t dim, int64_t blocks, const ModelShape& shape) const {
  if (tensor_.is_alone()) return {};
  const Range heads = tensor_.share_of(shape.config.num_heads);
  const int64_t size = shape.config.embed_dim / shape.config.num_heads;
  return {dim, blocks, {heads.begin * size, heads.end * size}};
}

parallel::Slice Block::my_channels(int64_t dim, const ModelShape& shape) const {
  if (tensor_.is_alone()) return {};
  return {dim, 1, tensor_.share_of(shape.hidden_dim())};
}

std::vector<parallel::ParamGroup*> Block::groups() {
  if (own_) return {&whole_, own_.get()};
  return {&whole_};
}

/// Queries, keys and values [B, H, L, E] of my heads.
std::vector<Tensor> Block::project(const Tensor& x_BLD) const {
  const int64_t mine = qkv_.weight().size(0) / 3;  // channels of my heads
  if (reads_input_again()) {
    const ops::NormLinearWeights weights{norm1_.weight(), norm1_.bias(), qkv_.weight(), qkv_.bias()};
    return ops::split_heads(ops::norm_linear(x_BLD, weights), 3, heads_);
  }
  // Tokens are cast to the compute type before they go to other ranks, so that they move in their smaller
  // form.
  const Tensor u_BLD = norm1_.forward(x_BLD).to(whole_.sharding().compute);
  const Tensor group_BLD = tensor_.gather(u_BLD);
  if (!sequence_.gathers_context()) return ops::split_heads(qkv_.forward(group_BLD), 3, heads_);
  // Queries of my tokens, keys and values of everyone's.
  const Tensor q = ops::split_heads(qkv_.forward_rows(group_BLD, {0, mine}), 1, heads_)[0];
  const Tensor kv_BMD = qkv_.forward_rows(sequence_.context(u_BLD), {mine, 3 * mine});
  const auto kv = ops::split_heads(kv_BMD, 2, heads_);
  return {q, kv[0], kv[1]};
}

Tensor Block::attention(const Tensor& x_BLD) const {
  auto qkv = project(x_BLD);
  return join_heads(sequence_.attend(std::move(qkv[0]), std::move(qkv[1]), std::move(qkv[2])));
}

/// x + keep (W u + b), from my part of W u under tensor parallelism.
Tensor Block::add_branch(const Tensor& x_BLD, const Tensor& u_BLK, const Linear& last,
                         const Tensor& keep_B11) const {
  if (tensor_.is_alone()) return ops::linear_residual(x_BLD, u_BLK, last.weight(), last.bias(), keep_B11);
  return add_parts(x_BLD, last.product(u_BLK), last, keep_B11);
}

Tensor Block::add_parts(const Tensor& x_BLD, const Tensor& part_BLD, const Linear& last,
                        const Tensor& keep_B11, bool unread) const {
  const Tensor branch_BLD = tensor_.sum(part_BLD, unread) + last.bias();
  return keep_B11.defined() ? x_BLD + branch_BLD * keep_B11 : x_BLD + branch_BLD;
}

Tensor Block::mlp(const Tensor& x_BLD, const Tensor& keep_B11) const {
  const ops::MlpWeights weights{norm2_.weight(), norm2_.bias(), fc1_.weight(),
                                fc1_.bias(),     fc2_.weight(), fc2_.bias()};
  // A graph that keeps the hidden tensors is the fastest; where they are not to be kept, tiles.
  const bool keeps_hidden = at::GradMode::is_enabled() && !ops::recomputing();
  if (tensor_.is_alone() && !keeps_hidden) return ops::mlp_residual(x_BLD, keep_B11, weights, tile_);
  const Tensor normed_BLD = norm2_.forward(x_BLD);
  if (tensor_.is_alone()) return add_branch(x_BLD, at::gelu(fc1_.forward(normed_BLD)), fc2_, keep_B11);
  const Tensor u_BLD = tensor_.gather(normed_BLD.to(whole_.sharding().compute));
  if (keeps_hidden) return add_branch(x_BLD, at::gelu(fc1_.forward(u_BLD)), fc2_, keep_B11);
  return add_parts(x_BLD, seqvit::ops::mlp(u_BLD, weights, tile_), fc2_, keep_B11, ops::recomputing());
}

Tensor Block::forward(const Tensor& x_BLD, const Tensor& keep_B11) {
  const auto whole = whole_.gather();
  const auto cut = cut_.gather();
  return mlp(add_branch(x_BLD, attention(x_BLD), projection_, keep_B11), keep_B11);
}

}  // namespace seqvit::model
