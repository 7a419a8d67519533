/// Tokens -> fields: final norm, `model.head_layers` layers of linear and GELU on each token (ClimaX has 2;
/// Nguyen et al., arXiv 2301.10343), and a linear map from the tokens of a patch to its points. Each of those
/// layers keeps 2 vectors of the width a token for backward; without them only the tokens are kept.
///
/// With `model.head_overlap` a token writes the window of q x q points around its patch (windows.h): where
/// windows overlap they add.
#pragma once

#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>

#include "model/layout.h"
#include "model/shape.h"
#include "model/windows.h"
#include "parallel/layers.h"

namespace seqvit::model {

class Head {
 public:
  Head(const ModelShape& shape, const ModelLayout& layout);

  /// My tokens [B, L, D] -> targets on my slab [B, T, Y, X] in the master type; zero where another rank owns
  /// the point.
  Tensor forward(const Tensor& tokens_BLD);
  parallel::ParamGroup& params() { return params_; }

 private:
  ModelShape shape_;
  grid::TokenGrid grid_;
  grid::Slab slab_;
  std::optional<Windows> windows_;  // where patches overlap
  parallel::ParamGroup params_;
  parallel::LayerNorm norm_;
  std::vector<parallel::Linear> hidden_;
  std::optional<parallel::Linear> linear_;            // joint, aggregated: [K D] -> [T p*p]
  const parallel::Param* variable_weight_ = nullptr;  // variable: [T, p*p, D]
  const parallel::Param* variable_bias_ = nullptr;    // variable: [T, p*p]
  // variable, where patches overlap: targets of each group, those of the first one first, T: none; and back
  Tensor members_, places_;
  Tensor owned_;  // where my tokens begin or end inside a patch: see owned_points

  Tensor features(const Tensor& tokens_BLD) const;
  Tensor written(const Tensor& windows_BSTq) const;
};

/// Whether the tokens of a slab predict the point: [T, Y, X], bool.
Tensor owned_points(const ModelShape& shape, const grid::Slab& slab);

}  // namespace seqvit::model
