#include "model/layers.h"

#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>

#include "ops/norm_linear.h"

namespace seqvit {

Linear::Linear(ParamGroup& group, const std::string& name, int64_t in, int64_t out, uint64_t seed, double std)
    : compute_(group.sharding().compute) {
  const std::string weight = name + ".weight";
  weight_ = group.add(weight, {out, in}, ParamKind::matrix,
                      init_truncated_normal(std, seed, group.name() + "." + weight));
  bias_ = group.add(name + ".bias", {out}, ParamKind::vector, init_zero());
}

Tensor Linear::forward(const Tensor& x) const {
  return at::linear(x.to(compute_), **weight_, (**bias_).to(compute_));
}

Tensor Linear::forward_rows(const Tensor& x, Range rows) const {
  return at::linear(x.to(compute_), (**weight_).slice(0, rows.begin, rows.end),
                    (**bias_).slice(0, rows.begin, rows.end).to(compute_));
}

LayerNorm::LayerNorm(ParamGroup& group, const std::string& name, int64_t width)
    : weight_(group.add(name + ".weight", {width}, ParamKind::vector, init_constant(1.0F))),
      bias_(group.add(name + ".bias", {width}, ParamKind::vector, init_zero())),
      width_(width) {}

Tensor LayerNorm::forward(const Tensor& x) const {
  return at::layer_norm(x, {width_}, **weight_, **bias_, kLayerNormEpsilon);
}

}  // namespace seqvit
