#include "model/head.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>

#include "model/patches.h"
#include "ops/norm_linear.h"
#include "ops/product.h"
#include "ops/to_device.h"

namespace seqvit::model {

namespace {

/// For each target the token of its group, patch by patch: [B, L, x] -> [B, S, T, x]; zero for tokens of
/// other ranks.
Tensor select_targets(const Tensor& tokens_BLX, const ModelShape& shape, const grid::Slab& slab) {
  const int64_t per_patch = shape.tokens_per_patch();
  std::vector<int64_t> groups;
  for (const int64_t target : shape.targets)
    groups.push_back(shape.groups[target]);
  const auto options = tokens_BLX.options().dtype(at::kLong);
  const Tensor whole_patches =
      at::constant_pad_nd(tokens_BLX, {0, 0, slab.tokens.begin - slab.patches.begin * per_patch,
                                       slab.patches.end * per_patch - slab.tokens.end});
  return whole_patches.unflatten(1, {slab.patches.size(), per_patch})
      .index_select(2, ops::to_device(groups, {std::ssize(groups)}, options));
}

/// Where tokens are variables, windows go group by group: the targets of every group, filled up with T to the
/// length of the longest [G F], and where each target then is [T].
std::pair<Tensor, Tensor> members_of_groups(const ModelShape& shape, at::Device device) {
  const int64_t targets = std::ssize(shape.targets);
  std::vector<std::vector<int64_t>> groups(shape.tokens_per_patch());
  size_t longest = 0;
  for (int64_t t = 0; t < targets; ++t) {
    auto& group = groups[shape.groups[shape.targets[t]]];
    group.push_back(t);
    longest = std::max(longest, group.size());
  }
  std::vector<int64_t> members, places(targets);
  for (auto& group : groups) {
    group.resize(longest, targets);
    for (const int64_t t : group) {
      if (t < targets) places[t] = std::ssize(members);
      members.push_back(t);
    }
  }
  return {at::tensor(members, at::kLong).to(device), at::tensor(places, at::kLong).to(device)};
}

}  // namespace

Head::Head(const ModelShape& shape, const ModelLayout& layout)
    : shape_(shape),
      grid_(shape.token_grid()),
      slab_(layout.slab),
      params_("", layout.whole),
      norm_(params_, "norm", shape.config.embed_dim) {
  const auto targets = static_cast<int64_t>(shape.targets.size());
  const int64_t width = shape.config.embed_dim, points = shape.written_points();
  if (shape.config.head_overlap) {
    windows_.emplace(grid_, layout);
    if (shape.config.tokens == Tokens::variable)
      std::tie(members_, places_) = members_of_groups(shape, layout.whole.device);
  }
  for (int64_t i = 0; i < shape.config.head_layers; ++i)
    hidden_.emplace_back(params_, "head_layers." + std::to_string(i), width, width, shape.seed);
  if (shape.config.tokens == Tokens::variable) {
    variable_weight_ =
        params_.add("variable_head.weight", {targets, points, width}, parallel::ParamKind::matrix,
                    parallel::init_truncated_normal(0.02, shape.seed, "variable_head.weight"));
    variable_bias_ = params_.add("variable_head.bias", {targets, points}, parallel::ParamKind::vector,
                                 parallel::init_zero());
  } else {
    linear_.emplace(params_, "head", width * grid_.tokens_per_patch, targets * points, shape.seed);
  }
  params_.seal();
  const int64_t per_patch = shape.tokens_per_patch();
  if (slab_.tokens.begin % per_patch != 0 || slab_.tokens.end % per_patch != 0)
    owned_ = owned_points(shape, slab_).to(layout.whole.device);
}

/// What the last map reads: [B, L, D].
Tensor Head::features(const Tensor& tokens_BLD) const {
  Tensor x_BLD = norm_.forward(tokens_BLD);
  for (const parallel::Linear& layer : hidden_)
    x_BLD = at::gelu(layer.forward(x_BLD));
  return x_BLD;
}

/// The sum of everyone's windows at my points: [B, S, T, q q] -> [B, S, T, p p].
Tensor Head::written(const Tensor& windows_BSTq) const {
  if (shape_.config.tokens != Tokens::variable) return windows_->add(windows_BSTq);
  const Tensor none = at::zeros_like(windows_BSTq.narrow(2, 0, 1));
  return windows_->add(at::cat({windows_BSTq, none}, 2).index_select(2, members_)).index_select(2, places_);
}

Tensor Head::forward(const Tensor& tokens_BLD) {
  const auto weights = params_.gather();
  const int64_t batch = tokens_BLD.size(0), patches = slab_.patches.size(), points = shape_.written_points();
  const auto targets = static_cast<int64_t>(shape_.targets.size());
  Tensor out_BSTp;
  if (linear_ && !hidden_.empty()) {
    out_BSTp =
        linear_->forward(features(tokens_BLD).unflatten(1, {patches, grid_.tokens_per_patch}).flatten(2))
            .view({batch, patches, targets, points});
  } else if (linear_) {
    out_BSTp =
        ops::norm_linear(tokens_BLD, {norm_.weight(), norm_.bias(), linear_->weight(), linear_->bias()})
            .view({batch, patches, targets, points});
  } else {
    const Tensor& weight_TpD = **variable_weight_;
    const Tensor by_target = select_targets(features(tokens_BLD).to(weight_TpD.scalar_type()), shape_, slab_)
                                 .permute({2, 0, 1, 3})
                                 .flatten(1, 2);
    out_BSTp = ops::batched_product(by_target, weight_TpD.transpose(1, 2),
                                    (**variable_bias_).to(weight_TpD.scalar_type()).unsqueeze(1))
                   .view({targets, batch, patches, points})
                   .permute({1, 2, 0, 3});
  }
  if (windows_) out_BSTp = written(out_BSTp.to(params_.sharding().master));
  const Tensor fields_BTYX = from_patches(out_BSTp, grid_, slab_).to(params_.sharding().master);
  // The bias has reached targets of a cut patch whose tokens are another rank's.
  return owned_.defined() ? at::where(owned_, fields_BTYX, 0.0) : fields_BTYX;
}

Tensor owned_points(const ModelShape& shape, const grid::Slab& slab) {
  const auto targets = static_cast<int64_t>(shape.targets.size());
  const int64_t columns = shape.token_grid().patch_columns();
  const bool whole_rows = slab.tokens.begin == slab.patch_rows.begin * columns * shape.tokens_per_patch() &&
                          slab.tokens.end == slab.patch_rows.end * columns * shape.tokens_per_patch();
  if (whole_rows) return at::ones({1, 1, 1}, at::kBool).expand({targets, slab.rows.size(), shape.columns});
  const Tensor owned_BST1 = shape.config.tokens == Tokens::variable
                                ? select_targets(at::ones({1, slab.tokens.size(), 1}, at::kBool), shape, slab)
                                : at::ones({1, slab.patches.size(), targets, 1}, at::kBool);
  return from_patches(owned_BST1.expand({1, slab.patches.size(), targets, shape.patch_points()}),
                      shape.token_grid(), slab)
      .select(0, 0)
      .contiguous();
}

}  // namespace seqvit::model
