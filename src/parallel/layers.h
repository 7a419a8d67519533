/// The layers that models are made of, on weights of a ParamGroup. Names of weights follow timm.
///
/// Those of a block (`Projection` and below) hold their own way of being cut under tensor parallelism and
/// choose what computes them: one operation with the norm before or the residual after it where nothing is
/// cut, tiles where hidden tensors are not to be kept.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "ops/split_heads.h"
#include "parallel/conditioning.h"
#include "parallel/param.h"
#include "parallel/peers.h"

namespace seqvit::parallel {

/// y = x W^T + b in the compute type of the group: [..., in] -> [..., out].
class Linear {
 public:
  /// Weights "NAME.weight" [out, in], normal with standard deviation 0.02, and "NAME.bias" [out], zero.
  Linear(ParamGroup& group, const std::string& name, int64_t in, int64_t out, uint64_t seed)
      : Linear(group, group, name, in, out, seed, {}) {}
  /// This rank's part of the layer under tensor parallelism: `slice` of the weight, in group `cut`. Where
  /// outputs are cut (dim 0) so is the bias; where inputs are (dim 1), the bias stays whole, in group
  /// `whole`.
  Linear(ParamGroup& cut, ParamGroup& whole, const std::string& name, int64_t in, int64_t out, uint64_t seed,
         const Slice& slice);
  Tensor forward(const Tensor& x) const;
  /// Without the bias: my part of the sum where inputs are cut.
  Tensor product(const Tensor& x) const;
  /// With rows [begin, end) of the weight only: [..., in] -> [..., end - begin].
  Tensor forward_rows(const Tensor& x, Range rows) const;
  const Tensor& weight() const { return **weight_; }
  const Tensor& bias() const { return **bias_; }

 private:
  const Param *weight_, *bias_;
  at::ScalarType compute_;
};

/// Layer normalisation over the last dim, in the master type (Ba et al., arXiv 1607.06450; epsilon 1e-6 as in
/// ViT).
class LayerNorm {
 public:
  /// What normalised tokens are multiplied by and what is added: [D], conditional [B, D].
  struct Affine {
    Tensor weight, bias;
  };
  LayerNorm(ParamGroup& group, const std::string& name, int64_t width);
  Tensor forward(const Tensor& x) const { return forward(x, {weight(), bias()}); }
  /// x [B, ..., D].
  Tensor forward(const Tensor& x, const Affine& affine) const;
  Affine affine(const Conditioning& of) const;
  const Tensor& weight() const { return **weight_; }
  const Tensor& bias() const { return **bias_; }

 private:
  const Param *weight_, *bias_;
  int64_t width_;
};

/// The weights of a block: what every rank of a stage uses, and what tensor parallelism cuts. One group where
/// nothing is cut.
class BlockParams {
 public:
  BlockParams(const std::string& name, const Sharding& whole, const Sharding& cut, const Peers& peers);
  ParamGroup& whole() { return whole_; }
  ParamGroup& cut() { return cut_ ? *cut_ : whole_; }
  at::ScalarType compute() const { return whole_.sharding().compute; }
  void seal();
  std::vector<ParamGroup*> groups();

  struct Gathered {
    ParamGroup::Gathered whole, cut;
  };
  /// While the result lives the weights can be read.
  [[nodiscard]] Gathered gather() { return {whole().gather(), cut().gather()}; }

 private:
  ParamGroup whole_;
  std::unique_ptr<ParamGroup> cut_;
};

/// What becomes of queries and keys before attention (ops/split_heads.h).
struct QueryKeyParts {
  bool norm = false;
  std::optional<ops::Rotation> rotation;  ///< from the first of my tokens on
};

/// norm(x) W^T + b as queries, keys and values of my heads: outputs are cut by heads. Weights "NORM" and
/// "NAME.qkv"; with a norm of queries and keys its gains, "NAME.q_norm.weight" and "NAME.k_norm.weight" [E],
/// the same for all heads.
class Projection {
 public:
  Projection(BlockParams& params, const Peers& peers, const std::string& norm, const std::string& name,
             int64_t width, int64_t heads, uint64_t seed, QueryKeyParts of = {});
  /// My tokens [B, L, D] in the master type; queries come of those of my tensor-parallel group.
  QueriesKeysValues operator()(const Tensor& x_BLD, const Conditioning& of = {}) const;
  /// Norm and product are one operation, which in backward takes x from where it is kept.
  bool is_fused() const { return !peers_.cuts_weights() && !peers_.gathers_context(); }

 private:
  const Peers& peers_;
  int64_t heads_;  // mine
  at::ScalarType compute_;
  LayerNorm norm_;
  Linear linear_;
  std::optional<ops::Rotation> rotation_;
  const Param *q_gain_ = nullptr, *k_gain_ = nullptr;

  /// Of a projection of tokens from `first` on whose leading parts have these gains.
  ops::QueryKey prepared(std::vector<const Param*> gains, int64_t first) const;
};

/// x + s (u W^T + b): what ends a branch; inputs are cut, `blocks_of` of them (heads or channels) shared out
/// whole.
class ResidualLinear {
 public:
  ResidualLinear(BlockParams& params, const Peers& peers, const std::string& name, int64_t in, int64_t out,
                 int64_t blocks_of, uint64_t seed);
  /// u: my part of the channels of my group's tokens [B, N, K]; x [B, L, D] my tokens in the master type;
  /// scale [B, 1, 1], undefined: 1.
  Tensor operator()(const Tensor& u_BNK, const Tensor& x_BLD, const Tensor& scale_B11) const;
  /// The same of u W^T, my part of it. `unread`: only the gradient counts.
  Tensor add(const Tensor& part_BND, const Tensor& x_BLD, const Tensor& scale_B11, bool unread) const;
  const Linear& linear() const { return linear_; }

 private:
  const Peers& peers_;
  Linear linear_;
};

/// x + s fc2(gelu(fc1(norm(x)))): hidden channels are cut. Weights "norm2", "mlp.fc1", "mlp.fc2".
class Mlp {
 public:
  /// `tile`: tokens at a time where nothing is kept (0: a default).
  Mlp(BlockParams& params, const Peers& peers, int64_t width, int64_t hidden, int64_t tile, uint64_t seed);
  /// [B, L, D] in the master type -> the same.
  Tensor operator()(const Tensor& x_BLD, const Tensor& scale_B11, const Conditioning& of = {}) const;

 private:
  const Peers& peers_;
  int64_t tile_;
  at::ScalarType compute_;
  LayerNorm norm_;
  Linear fc1_;
  ResidualLinear fc2_;
};

}  // namespace seqvit::parallel
