#include "model/embed.h"

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include "model/patches.h"

namespace seqvit {
namespace {

/// 2-D sine-cosine table over patch rows and columns, a quarter of the width each for sine and cosine of
/// either.
Init init_sin_cos(int64_t patch_columns, int64_t width) {
  return [patch_columns, width](std::span<float> out, int64_t first) {
    const int64_t quarter = width / 4;
    for (size_t i = 0; i < out.size(); ++i) {
      const int64_t patch = (first + static_cast<int64_t>(i)) / width,
                    d = (first + static_cast<int64_t>(i)) % width;
      const int64_t coordinate = d / (2 * quarter) == 0 ? patch / patch_columns : patch % patch_columns;
      const double frequency =
          std::pow(10000.0, -static_cast<double>(d % quarter) / static_cast<double>(quarter));
      const double angle = static_cast<double>(coordinate) * frequency;
      out[i] = static_cast<float>(d / quarter % 2 == 0 ? std::sin(angle) : std::cos(angle));
    }
  };
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
  position_ = params_.add("pos_embed", {grid_.patches(), width}, ParamKind::vector,
                          init_sin_cos(grid_.patch_columns(), width));
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
  const Tensor position_SD = (**position_).slice(0, slab_.patches.begin, slab_.patches.end);
  Tensor all = (tokens_BSTD + position_SD.unsqueeze(1)).flatten(1, 2);
  if (condition_) all = all + condition_->forward(condition_BC).unsqueeze(1);
  // The first and last patch of the slab may be shared with a neighbour: keep my tokens only.
  return all.narrow(1, slab_.tokens.begin - slab_.patches.begin * grid_.tokens_per_patch,
                    slab_.tokens.size());
}

}  // namespace seqvit
