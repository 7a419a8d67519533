/// The pieces that every part of the model is made of, on weights of a ParamGroup. Names follow timm.
#pragma once

#include <string>

#include <ATen/core/Tensor.h>

#include "parallel/param.h"

namespace seqvit::model {

/// y = x W^T + b in the compute type of the group: [..., in] -> [..., out].
class Linear {
 public:
  /// Weights "NAME.weight" [out, in], normal with standard deviation 0.02, and "NAME.bias" [out], zero.
  Linear(parallel::ParamGroup& group, const std::string& name, int64_t in, int64_t out, uint64_t seed)
      : Linear(group, group, name, in, out, seed, {}) {}
  /// This rank's part of the layer under tensor parallelism: `slice` of the weight, in group `cut`. Where
  /// outputs are cut (dim 0) so is the bias; where inputs are (dim 1), the bias stays whole, in group
  /// `whole`.
  Linear(parallel::ParamGroup& cut, parallel::ParamGroup& whole, const std::string& name, int64_t in,
         int64_t out, uint64_t seed, const parallel::Slice& slice);
  Tensor forward(const Tensor& x) const;
  /// Without the bias: my part of the sum where inputs are cut.
  Tensor product(const Tensor& x) const;
  /// With rows [begin, end) of the weight only: [..., in] -> [..., end - begin].
  Tensor forward_rows(const Tensor& x, Range rows) const;
  const Tensor& weight() const { return **weight_; }
  const Tensor& bias() const { return **bias_; }

 private:
  const parallel::Param *weight_, *bias_;
  at::ScalarType compute_;
};

/// Layer normalisation over the last dim, in the master type (Ba et al., arXiv 1607.06450; epsilon 1e-6 as in
/// ViT).
class LayerNorm {
 public:
  LayerNorm(parallel::ParamGroup& group, const std::string& name, int64_t width);
  Tensor forward(const Tensor& x) const;
  const Tensor& weight() const { return **weight_; }
  const Tensor& bias() const { return **bias_; }

 private:
  const parallel::Param *weight_, *bias_;
  int64_t width_;
};

}  // namespace seqvit::model
