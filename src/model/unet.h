/// A plain convolutional U-Net (Ronneberger et al., arXiv 1505.04597) with as many weights as the transformer
/// of the same configuration, to compare with (`model.network: unet`).
///
/// Two 3x3 convolutions with GELU at each of three resolutions on the way down (means of 2x2 points; w, 2w
/// and 4w channels) and of two on the way up (points repeated, beside what was there on the way down), then a
/// map from channels to targets. Convolutions go round the globe and repeat what lies at an edge. Conditions
/// are constant fields beside the inputs. Needs the whole grid on a rank: ranks share samples (`parallel.dp`)
/// and weights only.
#pragma once

#include <vector>

#include "core/tensor.h"
#include "model/shape.h"
#include "parallel/param.h"

namespace seqvit::model {

/// Channels at full resolution: as many as the weights of the transformer of this shape allow, 2 at least.
int64_t unet_width(const ModelShape& shape);
/// Weights with so many.
int64_t unet_weights(const ModelShape& shape, int64_t width);
/// Of a forward pass of one sample.
double unet_operations(const ModelShape& shape);

class UNet {
 public:
  UNet(const ModelShape& shape, const parallel::Sharding& sharding);
  /// [B, V, Y, X] and [B, conditions] -> [B, T, Y, X] in the master type.
  Tensor forward(const Tensor& fields_BVYX, const Tensor& condition_BC);
  parallel::ParamGroup& params() { return params_; }

 private:
  struct Convolution {
    const parallel::Param *weight, *bias;
  };
  bool periodic_;
  parallel::ParamGroup params_;
  std::vector<Convolution> convolutions_;  // in the order of use

  Tensor convolved(const Tensor& x_BCYX, size_t index) const;
  Tensor twice(const Tensor& x_BCYX, size_t first) const;
};

}  // namespace seqvit::model
