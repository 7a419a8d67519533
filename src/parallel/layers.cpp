#include "parallel/layers.h"

#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/stack.h>

#include "ops/attention.h"
#include "ops/linear_residual.h"
#include "ops/mlp.h"
#include "ops/norm_linear.h"
#include "ops/product.h"
#include "ops/recompute.h"

namespace seqvit::parallel {
namespace {

/// My share of `n` parts of equal size along `dim` of a weight, in each of `blocks` blocks; all of it where
/// nothing is cut.
Slice slice_of(const Peers& peers, int64_t dim, int64_t blocks, int64_t n, int64_t size) {
  if (!peers.cuts_weights()) return {};
  const Range mine = peers.share_of(n);
  return {dim, blocks, {mine.begin * size, mine.end * size}};
}

}  // namespace

Linear::Linear(ParamGroup& cut, ParamGroup& whole, const std::string& name, int64_t in, int64_t out,
               uint64_t seed, const Slice& slice)
    : compute_(cut.sharding().compute) {
  const std::string weight = name + ".weight", bias = name + ".bias";
  weight_ = cut.add(weight, {out, in}, ParamKind::matrix,
                    init_truncated_normal(0.02, seed, cut.name() + "." + weight), slice);
  bias_ = slice.dim == 0 ? cut.add(bias, {out}, ParamKind::vector, init_zero(), slice)
                         : whole.add(bias, {out}, ParamKind::vector, init_zero());
}

Tensor Linear::forward(const Tensor& x) const {
  return ops::linear_product(x.to(compute_), **weight_, (**bias_).to(compute_));
}

Tensor Linear::product(const Tensor& x) const {
  return ops::linear_product(x.to(compute_), **weight_);
}

Tensor Linear::forward_rows(const Tensor& x, Range rows) const {
  return ops::linear_product(x.to(compute_), (**weight_).slice(0, rows.begin, rows.end),
                             (**bias_).slice(0, rows.begin, rows.end).to(compute_));
}

LayerNorm::LayerNorm(ParamGroup& group, const std::string& name, int64_t width)
    : weight_(group.add(name + ".weight", {width}, ParamKind::vector, init_constant(1.0F))),
      bias_(group.add(name + ".bias", {width}, ParamKind::vector, init_zero())),
      width_(width) {}

Tensor LayerNorm::forward(const Tensor& x, const Affine& affine) const {
  if (affine.weight.dim() == 1)
    return at::layer_norm(x, {width_}, affine.weight, affine.bias, ops::kLayerNormEpsilon);
  // Sample by sample, since autograd then keeps x and not the normalised tokens too.
  std::vector<Tensor> samples;
  for (int64_t b = 0; b < x.size(0); ++b)
    samples.push_back(
        at::layer_norm(x[b], {width_}, affine.weight[b], affine.bias[b], ops::kLayerNormEpsilon));
  return samples.empty() ? x : at::stack(samples);
}

LayerNorm::Affine LayerNorm::affine(const Conditioning& of) const {
  if (!of.scale.defined()) return {weight(), bias()};
  return {weight() * (1.0 + of.scale), bias() + of.shift};
}

BlockParams::BlockParams(const std::string& name, const Sharding& whole, const Sharding& cut,
                         const Peers& peers)
    : whole_(name, whole), cut_(peers.cuts_weights() ? std::make_unique<ParamGroup>(name, cut) : nullptr) {}

void BlockParams::seal() {
  for (ParamGroup* group : groups())
    group->seal();
}

std::vector<ParamGroup*> BlockParams::groups() {
  if (cut_) return {&whole_, cut_.get()};
  return {&whole_};
}

Projection::Projection(BlockParams& params, const Peers& peers, const std::string& norm,
                       const std::string& name, int64_t width, int64_t heads, uint64_t seed, QueryKeyParts of)
    : peers_(peers),
      heads_(peers.share_of(heads).size()),
      compute_(params.compute()),
      norm_(params.whole(), norm, width),
      linear_(params.cut(), params.whole(), name + ".qkv", width, 3 * width, seed,
              slice_of(peers, 0, 3, heads, width / heads)),
      rotation_(std::move(of.rotation)) {
  if (!of.norm) return;
  const auto gain = [&](const char* part) {
    return params.whole().add(name + part, {width / heads}, ParamKind::vector, init_constant(1.0F));
  };
  q_gain_ = gain(".q_norm.weight"), k_gain_ = gain(".k_norm.weight");
}

ops::QueryKey Projection::prepared(std::vector<const Param*> gains, int64_t first) const {
  ops::QueryKey of{.parts = std::ssize(gains), .rotation = rotation_};
  if (of.rotation) of.rotation->first = first;
  for (const Param* gain : gains) {
    if (gain != nullptr) of.gains.push_back(**gain);
  }
  return of;
}

QueriesKeysValues Projection::operator()(const Tensor& x_BLD, const Conditioning& of) const {
  const LayerNorm::Affine norm = norm_.affine(of);
  const int64_t group = rotation_ ? peers_.widened_begin(rotation_->first) : 0;
  const auto three = [&](const Tensor& x_BLX) -> QueriesKeysValues {
    auto heads = ops::split_heads(x_BLX, 3, heads_, prepared({q_gain_, k_gain_}, group));
    return {std::move(heads[0]), std::move(heads[1]), std::move(heads[2])};
  };
  if (is_fused())
    return three(ops::norm_linear(x_BLD, {norm.weight, norm.bias, linear_.weight(), linear_.bias()}));
  // Tokens are cast to the compute type before they go to other ranks, so that they move in their smaller
  // form.
  const Tensor u_BLD = norm_.forward(x_BLD, norm).to(compute_);
  const Tensor group_BND = peers_.widen(u_BLD);
  if (!peers_.gathers_context()) return three(linear_.forward(group_BND));
  // Queries of my tokens, keys and values of everyone's.
  const int64_t mine = linear_.weight().size(0) / 3;  // channels of my heads
  const Tensor q_BND = linear_.forward_rows(group_BND, {0, mine});
  const Tensor kv_BMD = linear_.forward_rows(peers_.context(u_BLD), {mine, 3 * mine});
  auto kv = ops::split_heads(kv_BMD, 2, heads_, prepared({k_gain_}, 0));
  return {ops::split_heads(q_BND, 1, heads_, prepared({q_gain_}, group))[0], std::move(kv[0]),
          std::move(kv[1])};
}

ResidualLinear::ResidualLinear(BlockParams& params, const Peers& peers, const std::string& name, int64_t in,
                               int64_t out, int64_t blocks_of, uint64_t seed)
    : peers_(peers),
      linear_(params.cut(), params.whole(), name, in, out, seed,
              slice_of(peers, 1, 1, blocks_of, in / blocks_of)) {}

Tensor ResidualLinear::operator()(const Tensor& u_BNK, const Tensor& x_BLD, const Tensor& scale_B11) const {
  if (peers_.cuts_weights()) return add(linear_.product(u_BNK), x_BLD, scale_B11, false);
  return ops::linear_residual(x_BLD, u_BNK, linear_.weight(), linear_.bias(), scale_B11);
}

Tensor ResidualLinear::add(const Tensor& part_BND, const Tensor& x_BLD, const Tensor& scale_B11,
                           bool unread) const {
  const Tensor branch_BLD = peers_.narrow(part_BND, unread) + linear_.bias();
  return scale_B11.defined() ? x_BLD + branch_BLD * scale_B11 : x_BLD + branch_BLD;
}

Mlp::Mlp(BlockParams& params, const Peers& peers, int64_t width, int64_t hidden, int64_t tile, uint64_t seed)
    : peers_(peers),
      tile_(tile),
      compute_(params.compute()),
      norm_(params.whole(), "norm2", width),
      fc1_(params.cut(), params.whole(), "mlp.fc1", width, hidden, seed, slice_of(peers, 0, 1, hidden, 1)),
      fc2_(params, peers, "mlp.fc2", hidden, width, hidden, seed) {}

Tensor Mlp::operator()(const Tensor& x_BLD, const Tensor& scale_B11, const Conditioning& of) const {
  const LayerNorm::Affine norm = norm_.affine(of);
  // A graph that keeps the hidden tensors is the fastest; where they are not to be kept, tiles.
  const bool keeps_hidden = at::GradMode::is_enabled() && !ops::recomputing();
  const ops::MlpWeights weights{
      norm.weight, norm.bias, fc1_.weight(), fc1_.bias(), fc2_.linear().weight(), fc2_.linear().bias()};
  if (!keeps_hidden && !peers_.cuts_weights()) return ops::mlp_residual(x_BLD, scale_B11, weights, tile_);
  const Tensor u_BND = peers_.widen(norm_.forward(x_BLD, norm).to(compute_));
  if (keeps_hidden) return fc2_(at::gelu(fc1_.forward(u_BND)), x_BLD, scale_B11);
  return fc2_.add(ops::mlp(u_BND, weights, tile_), x_BLD, scale_B11, ops::recomputing());
}

}  // namespace seqvit::parallel
