#include "model/embed.h"

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include "model/patches.h"

namespace seqvit {
namespace {

/// Element `d` of `half` of the sine-cosine code of one coordinate: sines of all frequencies, then cosines.
double sin_cos(int64_t coordinate, int64_t d, int64_t half) {
  const int64_t quarter = half / 2;
  const double angle = static_cast<double>(coordinate) *
                       std::pow(10000.0, -static_cast<double>(d % quarter) / static_cast<double>(quarter));
  return d < quarter ? std::sin(angle) : std::cos(angle);
}

/// 2-D table over patches: half of the width says the row, half the column.
Init init_sin_cos(int64_t patch_columns, int64_t width) {
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

}  // namespace

Aggregation::Aggregation(ParamGroup& group, const ModelShape& shape)
    : heads_(shape.config.num_heads),
      query_(group.add("aggregation.query", {shape.config.aggregated_tokens, shape.config.embed_dim},
                       ParamKind::vector, init_truncated_normal(0.02, shape.seed, "aggregation.query"))),
      norm_(group, "aggregation.norm", shape.config.embed_dim),
      key_value_(group, "aggregation.kv", shape.config.embed_dim, 2 * shape.config.embed_dim, shape.seed),
      projection_(group, "aggregation.proj", shape.config.embed_dim, shape.config.embed_dim, shape.seed) {}

Tensor Aggregation::forward(const Tensor& tokens_BSVD) const {
  const int64_t batch = tokens_BSVD.size(0), patches = tokens_BSVD.size(1), variables = tokens_BSVD.size(2);
  const int64_t width = tokens_BSVD.size(3), queries = query_->shape()[0], head = width / heads_;
  const Tensor kv = key_value_.forward(norm_.forward(tokens_BSVD))
                        .view({batch * patches, variables, 2, heads_, head})
                        .permute({2, 0, 3, 1, 4});  // [2, B S, H, V, E]
  const Tensor q = (**query_).to(kv.scalar_type()).view({queries, heads_, head}).transpose(0, 1);
  const Tensor read = at::scaled_dot_product_attention(
      q.unsqueeze(0).expand({batch * patches, heads_, queries, head}), kv.select(0, 0), kv.select(0, 1));
  return projection_.forward(read.transpose(1, 2).reshape({batch, patches, queries, width}));
}

Embed::Embed(const ModelShape& shape, const Slab& slab, const Sharding& sharding)
    : shape_(shape), grid_(shape.token_grid()), slab_(slab), params_("", sharding) {
  const int64_t width = shape.config.embed_dim, points = shape.patch_points();
  if (shape.config.tokens == Tokens::joint) {
    joint_.emplace(params_, "patch_embed.proj", shape.inputs * points, width, shape.seed);
  } else {
    variable_weight_ =
        params_.add("variable_embed.proj.weight", {shape.inputs, width, points}, ParamKind::matrix,
                    init_truncated_normal(0.02, shape.seed, "variable_embed.proj.weight"));
    variable_embed_ = params_.add("variable_embed.embed", {shape.inputs, width}, ParamKind::vector,
                                  init_truncated_normal(0.02, shape.seed, "variable_embed.embed"));
  }
  if (shape.config.tokens == Tokens::aggregated) aggregation_.emplace(params_, shape);
  if (shape.config.positions == Positions::learned) {
    position_ = params_.add("pos_embed", {grid_.patches(), width}, ParamKind::vector,
                            init_sin_cos(grid_.patch_columns(), width));
  } else {
    const auto options = at::TensorOptions(sharding.master).device(sharding.device);
    row_table_ = sin_cos_table(grid_.patch_rows(), width / 2, options);
    column_table_ = sin_cos_table(grid_.patch_columns(), width / 2, options);
  }
  if (shape.conditions > 0) condition_.emplace(params_, "condition", shape.conditions, width, shape.seed);
  params_.seal();
}

Tensor Embed::variable_tokens(const Tensor& patches_BSVp) const {
  const int64_t batch = patches_BSVp.size(0), patches = patches_BSVp.size(1),
                variables = patches_BSVp.size(2);
  const Tensor& weight_VDp = **variable_weight_;
  const Tensor by_variable = patches_BSVp.permute({2, 0, 1, 3}).reshape({variables, batch * patches, -1});
  return at::bmm(by_variable.to(weight_VDp.scalar_type()), weight_VDp.transpose(1, 2))
             .view({variables, batch, patches, -1})
             .permute({1, 2, 0, 3}) +
         **variable_embed_;
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
  const Tensor patches_BSVp = to_patches(fields_BVYX, grid_, slab_);
  Tensor tokens_BSTD;
  if (joint_) {
    tokens_BSTD = joint_->forward(patches_BSVp.flatten(2)).unsqueeze(2);
  } else {
    tokens_BSTD = variable_tokens(patches_BSVp);
    if (aggregation_) tokens_BSTD = aggregation_->forward(tokens_BSTD);
  }
  Tensor all = (tokens_BSTD + positions().unsqueeze(1)).flatten(1, 2);
  if (condition_) all = all + condition_->forward(condition_BC).unsqueeze(1);
  // The first and last patch of the slab may be shared with a neighbour: keep my tokens only.
  return all.narrow(1, slab_.tokens.begin - slab_.patches.begin * grid_.tokens_per_patch,
                    slab_.tokens.size());
}

}  // namespace seqvit
