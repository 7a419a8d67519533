/// A 3 x 3 convolution of each channel by itself over the grid of tokens, added to them: y = x + w * x + b.
///
/// Forward reads nine rows of channels and writes one. Backward is the same walk over the gradient: what a
/// neighbour read of me comes back by the tap that read it (grid::Window::reads_me), for the gradient of x as
/// for that of w; so neither makes an unfolded copy, and neither needs others' tokens but their gradients.
/// Channels are innermost. fp32 and fp64, on the CPU.
///
/// Sums of w and b are made by blocks of tokens in a fixed order: threads do not change them.
#pragma once

#include "core/tensor.h"
#include "grid/neighbourhood.h"

namespace seqvit::ops {

/// [taps, D] and [D], in the type of the tokens; also their gradients.
struct DepthwiseWeights {
  Tensor weight_KD, bias_D;
};

/// What a kernel reads: my tokens [B, L, D] and others' next to them [B, M, D], L = per_unit x units of mine,
/// M = per_unit x halo. For units whose windows are mine, `halo` may be undefined.
struct DepthwiseInput {
  Tensor mine, halo;
};

/// y at the tokens of `units`.
void depthwise_forward(const DepthwiseInput& x, const DepthwiseWeights& w, const grid::Neighbourhood& near,
                       Range units, const Tensor& y_BLD);

/// Of the gradient of y: that of x at the tokens of `units`; those of w are added to `sums`.
void depthwise_backward(const DepthwiseInput& grad, const Tensor& x_BLD, const DepthwiseWeights& w,
                        const grid::Neighbourhood& near, Range units, const Tensor& grad_x_BLD,
                        const DepthwiseWeights& sums);

}  // namespace seqvit::ops
