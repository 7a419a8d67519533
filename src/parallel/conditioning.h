/// Conditional norms: noise that scales and shifts what a block's norms give, which makes one model an
/// ensemble.
///
/// norm(x) w (1 + scale) + b + shift, with scale and shift of each norm by sample: W2 gelu(W1 z + b1) of the
/// sample's noise z, W2 started at zero, so that noise changes nothing at first. As in AIFS-CRPS (Lang et
/// al., arXiv 2412.15832) and FGN (Alet et al., arXiv 2506.10772), but with a small map a block, so that
/// stages of a pipeline share nothing. The noise is the same on all ranks that hold a part of a sample, and
/// what is made of it acts on each token alone: no message. Its weights are vectors: small, whole on every
/// rank, not decayed.
#pragma once

#include <string>
#include <vector>

#include "core/tensor.h"
#include "parallel/param.h"

namespace seqvit::parallel {

/// Of one norm, [B, D] each; undefined: it is not conditional.
struct Conditioning {
  Tensor scale, shift;
};

/// Weights "NAME.fc1.weight" [Z, Z], "NAME.fc1.bias" [Z], "NAME.fc2.weight" [2 D norms, Z].
class NoiseMap {
 public:
  NoiseMap(ParamGroup& group, const std::string& name, int64_t noise_dim, int64_t norms, int64_t width,
           uint64_t seed);
  /// Noise [B, Z] -> what it does to each norm.
  std::vector<Conditioning> operator()(const Tensor& noise_BZ) const;

 private:
  const Param *in_, *bias_, *out_;
  int64_t norms_;
};

}  // namespace seqvit::parallel
