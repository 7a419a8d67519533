#include "model/embed.h"

#include <algorithm>
#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>

#include "model/patches.h"
#include "ops/in_tiles.h"
#include "ops/norm_linear.h"
#include "ops/product.h"
#include "ops/tiles.h"

namespace seqvit::model {
namespace {

/// Element `d` of `half` of the sine-cosine code of one coordinate: sines of all frequencies, then cosines.
double sin_cos(int64_t coordinate, int64_t d, int64_t half) {
  const int64_t quarter = half / 2;
  const double angle = static_cast<double>(coordinate) *
                       std::pow(10000.0, -static_cast<double>(d % quarter) / static_cast<double>(quarter));
  return d < quarter ? std::sin(angle) : std::cos(angle);
}

/// 2-D table over patches: half of the width says the row, half the column.
parallel::Init init_sin_cos(int64_t patch_columns, int64_t width) {
  return [patch_columns, half = width / 2](std::span<float> out, int64_t first) {
    for (size_t i = 0; i < out.size(); ++i) {
      const int64_t element = first + static_cast<int64_t>(i), patch = element / (2 * half),
                    d = element % (2 * half);
      out[i] = static_cast<float>(d < half ? sin_cos(patch / patch_columns, d, half)
                                           : sin_cos(patch % patch_columns, d - half, half));
    }
  };
}

/// The code of each of `count` coordinates: [count, half].
Tensor sin_cos_table(int64_t count, int64_t half, const at::TensorOptions& options) {
  std::vector<float> values;
  for (int64_t coordinate = 0; coordinate < count; ++coordinate) {
    for (int64_t d = 0; d < half; ++d)
      values.push_back(static_cast<float>(sin_cos(coordinate, d, half)));
  }
  return at::from_blob(values.data(), {count, half}, at::kFloat)
      .to(options, /*non_blocking=*/false, /*copy=*/true);
}

/// The inputs of every group, filled up with V to the length of the longest.
Tensor members(const ModelShape& shape) {
  std::vector<std::vector<int64_t>> groups(shape.group_count());
  size_t longest = 0;
  for (int64_t input = 0; input < shape.inputs(); ++input) {
    auto& group = groups[shape.groups[input]];
    group.push_back(input);
    longest = std::max(longest, group.size());
  }
  std::vector<int64_t> all;
  for (auto& group : groups) {
    group.resize(longest, shape.inputs());
    all.insert(all.end(), group.begin(), group.end());
  }
  return at::tensor(all, at::kLong);
}

/// Points of groups [R, G, q] -> [R, G, D].
Tensor tokens_of_groups(const Tensor& points_RGq, const Tensor& weight_GDq, const Tensor& embed_GD) {
  const Tensor points_GRq = points_RGq.transpose(0, 1).to(weight_GDq.scalar_type());
  return ops::batched_product(points_GRq, weight_GDq.transpose(1, 2)).transpose(0, 1) + embed_GD;
}

}  // namespace

Aggregation::Aggregation(parallel::ParamGroup& group, const ModelShape& shape)
    : query_(group.add("aggregation.query", {shape.config.aggregated_tokens, shape.config.embed_dim},
                       parallel::ParamKind::vector,
                       parallel::init_truncated_normal(0.02, shape.seed, "aggregation.query"))),
      norm_(group, "aggregation.norm", shape.config.embed_dim),
      key_value_(group, "aggregation.kv", shape.config.embed_dim, 2 * shape.config.embed_dim, shape.seed),
      projection_(group, "aggregation.proj", shape.config.embed_dim, shape.config.embed_dim, shape.seed) {}

std::vector<Tensor> Aggregation::weights() const {
  return {**query_,          norm_.weight(),       norm_.bias(),      key_value_.weight(),
          key_value_.bias(), projection_.weight(), projection_.bias()};
}

Tensor Aggregation::aggregate(const Tensor& tokens_RGD, std::span<const Tensor> weights, int64_t heads) {
  const auto layer = [](const Tensor& x, const Tensor& weight, const Tensor& bias) {
    return ops::linear_product(x.to(weight.scalar_type()), weight, bias.to(weight.scalar_type()));
  };
  const int64_t rows = tokens_RGD.size(0), groups = tokens_RGD.size(1), width = tokens_RGD.size(2);
  const int64_t queries = weights[0].size(0), head = width / heads;
  const Tensor normed = at::layer_norm(tokens_RGD, {width}, weights[1], weights[2], ops::kLayerNormEpsilon);
  const Tensor kv = layer(normed, weights[3], weights[4])
                        .view({rows, groups, 2, heads, head})
                        .permute({2, 0, 3, 1, 4});  // [2, R, H, G, E]
  const Tensor q = weights[0].to(kv.scalar_type()).view({queries, heads, head}).transpose(0, 1);
  const Tensor read =
      at::scaled_dot_product_attention(ops::for_product(q).unsqueeze(0).expand({rows, heads, queries, head}),
                                       ops::for_product(kv.select(0, 0)), ops::for_product(kv.select(0, 1)));
  return layer(read.transpose(1, 2).reshape({rows, queries, width}), weights[5], weights[6]);
}

Embed::Embed(const ModelShape& shape, const ModelLayout& layout, Recompute recompute)
    : shape_(shape),
      grid_(shape.token_grid()),
      slab_(layout.slab),
      recompute_(recompute),
      params_("", layout.whole) {
  const parallel::Sharding& sharding = layout.whole;
  const int64_t width = shape.config.embed_dim, points = shape.read_points();
  if (shape.config.embed_overlap) windows_.emplace(grid_, layout);
  if (shape.config.tokens == Tokens::joint) {
    joint_.emplace(params_, "patch_embed.proj", shape.inputs() * points, width, shape.seed);
  } else {
    variable_weight_ = params_.add(
        "variable_embed.proj.weight", {shape.inputs(), width, points}, parallel::ParamKind::matrix,
        parallel::init_truncated_normal(0.02, shape.seed, "variable_embed.proj.weight"));
    variable_embed_ =
        params_.add("variable_embed.embed", {shape.inputs(), width}, parallel::ParamKind::vector,
                    parallel::init_truncated_normal(0.02, shape.seed, "variable_embed.embed"));
    members_ = members(shape).to(sharding.device);
  }
  if (shape.config.tokens == Tokens::aggregated) aggregation_.emplace(params_, shape);
  if (shape.config.positions == Positions::learned) {
    position_ = params_.add("pos_embed", {grid_.patches(), width}, parallel::ParamKind::vector,
                            init_sin_cos(grid_.patch_columns(), width));
  } else {
    const auto options = at::TensorOptions(sharding.master).device(sharding.device);
    row_table_ = sin_cos_table(grid_.patch_rows(), width / 2, options);
    column_table_ = sin_cos_table(grid_.patch_columns(), width / 2, options);
  }
  if (shape.conditions > 0) condition_.emplace(params_, "condition", shape.conditions, width, shape.seed);
  params_.seal();
}

/// What the tokens of my patches are made of: [B, V, Y, X] -> [B, S, V, p*p], or their windows.
Tensor Embed::points(const Tensor& fields_BVYX) const {
  const Tensor patches = to_patches(fields_BVYX, grid_, slab_);
  return windows_ ? windows_->read(patches) : patches;
}

/// What inputs have, [V, ...], group by group: [G, inputs of the longest, ...], zero where a group is
/// shorter.
Tensor Embed::by_group(const Tensor& of_inputs_V) const {
  const Tensor none = at::zeros_like(of_inputs_V.narrow(0, 0, 1));
  return at::cat({of_inputs_V, none}).index_select(0, members_).unflatten(0, {shape_.group_count(), -1});
}

/// [B, V, Y, X] -> [B S, G, D], or [B S, K, D] where they are aggregated.
Tensor Embed::tokens_by_group(const Tensor& fields_BVYX) const {
  // q: the points of all inputs of a group; R: the patches of all samples.
  const Tensor weight_GDq = by_group(**variable_weight_).transpose(1, 2).flatten(2);
  const Tensor embed_GD = by_group(**variable_embed_).sum(1);
  const Tensor fields_BQYX = by_group(fields_BVYX.transpose(0, 1)).flatten(0, 1).transpose(0, 1);
  const int64_t groups = shape_.group_count();
  const Tensor points_RGq = points(fields_BQYX).flatten(0, 1).unflatten(1, {groups, -1}).flatten(2);
  if (!aggregation_) return tokens_of_groups(points_RGq, weight_GDq, embed_GD);
  std::vector<Tensor> weights = aggregation_->weights();
  weights.insert(weights.end(), {weight_GDq, embed_GD});
  const auto aggregated = [heads = shape_.config.num_heads](const Tensor& points,
                                                            const std::vector<Tensor>& w) {
    const std::span<const Tensor> all(w);
    return Aggregation::aggregate(tokens_of_groups(points, all[all.size() - 2], all.back()),
                                  all.first(all.size() - 2), heads);
  };
  // A graph that keeps the tokens of all groups is the fastest; where they are not to be kept, tiles.
  if (recompute_ == Recompute::none && at::GradMode::is_enabled()) return aggregated(points_RGq, weights);
  return ops::in_tiles(aggregated, points_RGq, weights, std::max<int64_t>(1, ops::kDefaultTile / groups));
}

/// Of the patches of my slab: [S, D].
Tensor Embed::positions() const {
  if (position_ != nullptr) return (**position_).slice(0, slab_.patches.begin, slab_.patches.end);
  const Tensor patch =
      at::arange(slab_.patches.begin, slab_.patches.end, row_table_.options().dtype(at::kLong));
  const Tensor row = patch.floor_divide(grid_.patch_columns());
  return at::cat(
      {row_table_.index_select(0, row), column_table_.index_select(0, patch - row * grid_.patch_columns())},
      1);
}

Tensor Embed::forward(const Tensor& fields_BVYX, const Tensor& condition_BC) {
  const auto weights = params_.gather();
  Tensor tokens_BSTD;
  if (joint_) {
    tokens_BSTD = joint_->forward(points(fields_BVYX).flatten(2)).unsqueeze(2);
  } else {
    tokens_BSTD = tokens_by_group(fields_BVYX).unflatten(0, {fields_BVYX.size(0), slab_.patches.size()});
  }
  Tensor all = (tokens_BSTD + positions().unsqueeze(1)).flatten(1, 2);
  if (condition_) all = all + condition_->forward(condition_BC).unsqueeze(1);
  // The first and last patch of the slab may be shared with a neighbour: keep my tokens only.
  return all.narrow(1, slab_.tokens.begin - slab_.patches.begin * grid_.tokens_per_patch,
                    slab_.tokens.size());
}

}  // namespace seqvit::model
