/// Fields -> tokens, in three ways (ClimaX, Nguyen et al., arXiv 2301.10343, for the last two).
///
/// | tokens | one token is | tokens a patch |
/// |---|---|---|
/// | joint | all variables of a patch | 1 |
/// | variable | one group of inputs of a patch, plus an embedding of each input | G |
/// | aggregated | what a learned query reads from the group tokens of a patch | aggregated_tokens |
///
/// A group is an input, or some levels of a variable (a patch in three dimensions, as Pangu-Weather's,
/// Bi et al., arXiv 2211.02556): ModelShape::groups. Each input has its own map and embedding, and a token is
/// the sum of those of its group, which is one linear map of the points of all its levels; a group that is
/// shorter than the longest is filled up with zeros. So weights do not depend on the grouping.
///
/// Variables are not split over ranks, as D-CHAG does (arXiv 2506.21411) to share out the work on hundreds of
/// them and then gathers what each rank aggregated. Here patches are split already, over sp and tp, before
/// they are embedded: a rank embeds and aggregates all V variables of N/P patches, which is the same V N/P,
/// with no message but the gradient of the weights. Within a rank the tokens of groups, V/K times those of
/// the blocks, are the largest tensors: with recomputation they exist for a tile of patches only
/// (ops/in_tiles.h).
///
/// With `model.embed_overlap` a token is made of the window of q x q points around its patch instead of the p
/// x p of the patch itself (windows.h); q stands for p above and below. Overlapping patches: CvT (Wu et al.,
/// arXiv 2103.15808).
///
/// The position of the patch is added to each token: a learned embedding started at the 2-D sine-cosine
/// table, or (`model.positions: fixed`) that table itself. A learned one takes 16 bytes a patch and channel
/// with its gradient and moments, which at long sequences is a third of all memory. A linear map of the
/// sample's conditions (time of day and year) is added to all tokens of the sample.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <ATen/core/Tensor.h>

#include "core/parallel_config.h"
#include "model/layout.h"
#include "model/shape.h"
#include "model/windows.h"
#include "parallel/layers.h"

namespace seqvit::model {

/// Cross-attention of K learned queries over the G group tokens of each patch: [R, G, D] -> [R, K, D].
class Aggregation {
 public:
  Aggregation(parallel::ParamGroup& group, const ModelShape& shape);
  /// Query, norm, keys and values, projection: what `aggregate` needs.
  std::vector<Tensor> weights() const;
  static Tensor aggregate(const Tensor& tokens_RGD, std::span<const Tensor> weights, int64_t heads);

 private:
  const parallel::Param* query_;
  parallel::LayerNorm norm_;
  parallel::Linear key_value_, projection_;
};

class Embed {
 public:
  /// `recompute`: where it is on, aggregation keeps no token of a group.
  Embed(const ModelShape& shape, const ModelLayout& layout, Recompute recompute);

  /// [B, V, Y, X] on my slab and [B, conditions] -> my tokens [B, L, D] in the master type.
  Tensor forward(const Tensor& fields_BVYX, const Tensor& condition_BC);
  parallel::ParamGroup& params() { return params_; }

 private:
  ModelShape shape_;
  grid::TokenGrid grid_;
  grid::Slab slab_;
  Recompute recompute_;
  std::optional<Windows> windows_;  // where patches overlap
  parallel::ParamGroup params_;
  std::optional<parallel::Linear> joint_;             // joint
  const parallel::Param* variable_weight_ = nullptr;  // else: [V, D, p*p]
  const parallel::Param* variable_embed_ =
      nullptr;      // else: [V, D], also the bias of each variable's patch embedding
  Tensor members_;  // else: inputs of each group, those of the first one first; V: none
  std::optional<Aggregation> aggregation_;     // aggregated
  const parallel::Param* position_ = nullptr;  // learned: [patches, D]
  Tensor row_table_, column_table_;            // fixed: [patch rows or columns, D/2]
  std::optional<parallel::Linear> condition_;  // [conditions] -> [D]

  Tensor points(const Tensor& fields_BVYX) const;
  Tensor by_group(const Tensor& of_inputs_V) const;
  Tensor tokens_by_group(const Tensor& fields_BVYX) const;
  Tensor positions() const;
};

}  // namespace seqvit::model
