#include "parallel/conditioning.h"

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/gelu.h>

#include "ops/product.h"

namespace seqvit::parallel {

NoiseMap::NoiseMap(ParamGroup& group, const std::string& name, int64_t noise_dim, int64_t norms,
                   int64_t width, uint64_t seed)
    : norms_(norms) {
  const std::string weight = name + ".fc1.weight";
  // Of noise of variance 1, features of about that.
  in_ = group.add(weight, {noise_dim, noise_dim}, ParamKind::vector,
                  init_truncated_normal(1.0 / std::sqrt(static_cast<double>(noise_dim)), seed,
                                        group.name() + "." + weight));
  bias_ = group.add(name + ".fc1.bias", {noise_dim}, ParamKind::vector, init_zero());
  out_ = group.add(name + ".fc2.weight", {2 * width * norms, noise_dim}, ParamKind::vector, init_zero());
}

std::vector<Conditioning> NoiseMap::operator()(const Tensor& noise_BZ) const {
  const Tensor features_BZ = at::gelu(ops::linear_product(noise_BZ, **in_, **bias_));
  const auto parts = ops::linear_product(features_BZ, **out_).chunk(2 * norms_, 1);
  std::vector<Conditioning> all;
  for (int64_t norm = 0; norm < norms_; ++norm)
    all.push_back({parts[2 * norm], parts[2 * norm + 1]});
  return all;
}

}  // namespace seqvit::parallel
