#include "model/layers.h"

#include <ATen/ops/layer_norm.h>

#include "ops/norm_linear.h"
#include "ops/product.h"

namespace seqvit::model {

Linear::Linear(parallel::ParamGroup& cut, parallel::ParamGroup& whole, const std::string& name, int64_t in,
               int64_t out, uint64_t seed, const parallel::Slice& slice)
    : compute_(cut.sharding().compute) {
  const std::string weight = name + ".weight", bias = name + ".bias";
  weight_ = cut.add(weight, {out, in}, parallel::ParamKind::matrix,
                    parallel::init_truncated_normal(0.02, seed, cut.name() + "." + weight), slice);
  bias_ = slice.dim == 0 ? cut.add(bias, {out}, parallel::ParamKind::vector, parallel::init_zero(), slice)
                         : whole.add(bias, {out}, parallel::ParamKind::vector, parallel::init_zero());
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

LayerNorm::LayerNorm(parallel::ParamGroup& group, const std::string& name, int64_t width)
    : weight_(
          group.add(name + ".weight", {width}, parallel::ParamKind::vector, parallel::init_constant(1.0F))),
      bias_(group.add(name + ".bias", {width}, parallel::ParamKind::vector, parallel::init_zero())),
      width_(width) {}

Tensor LayerNorm::forward(const Tensor& x) const {
  return at::layer_norm(x, {width_}, **weight_, **bias_, ops::kLayerNormEpsilon);
}

}  // namespace seqvit::model
