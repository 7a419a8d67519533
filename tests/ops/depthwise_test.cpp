#include "ops/depthwise.h"

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/pad.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include "gradients.h"

namespace seqvit::ops {
namespace {

struct Case {
  int64_t rows, columns, members;
  bool periodic;
};
const Case kCases[] = {{5, 7, 1, true}, {5, 7, 1, false}, {1, 6, 1, true},  {4, 1, 2, false},
                       {3, 2, 3, true}, {1, 1, 1, false}, {12, 24, 1, true}};

grid::Neighbourhood all_of(const Case& c) {
  return {grid::TokenGrid{c.rows, c.columns, 1, c.members, 1}, c.periodic, 0, 1};
}

/// By libtorch, over padded fields of channels.
Tensor by_convolution(const Case& c, const Tensor& x_BLD, const DepthwiseWeights& w) {
  const int64_t batch = x_BLD.size(0), width = x_BLD.size(2);
  const Tensor fields =
      x_BLD.view({batch, c.rows, c.columns, c.members, width}).permute({0, 3, 4, 1, 2}).flatten(0, 1);
  const Tensor across = at::pad(fields, {1, 1, 0, 0}, c.periodic ? "circular" : "replicate");
  const Tensor read =
      at::conv2d(at::pad(across, {0, 0, 1, 1}, "replicate"), w.weight_KD.t().reshape({width, 1, 3, 3}),
                 w.bias_D, at::IntArrayRef({1, 1}), at::IntArrayRef({0, 0}), at::IntArrayRef({1, 1}), width);
  return x_BLD + read.unflatten(0, {batch, c.members}).permute({0, 3, 4, 1, 2}).reshape(x_BLD.sizes());
}

TEST(Depthwise, IsAConvolutionOfEachChannelOverTheGridOfTokens) {
  for (const Case& c : kCases) {
    for (const at::ScalarType type : {at::kDouble, at::kFloat}) {
      at::manual_seed(3);
      const int64_t width = 13;  // leaves a rest of every vector
      const Tensor x = at::randn({2, c.rows * c.columns * c.members, width}, type).requires_grad_(),
                   seed = at::randn(x.sizes(), type);
      const DepthwiseWeights w{at::randn({grid::kTaps, width}, type).requires_grad_(),
                               at::randn({width}, type).requires_grad_()};
      const auto expected = with_gradients(by_convolution(c, x, w), seed, {x, w.weight_KD, w.bias_D});
      const grid::Neighbourhood near = all_of(c);
      const Tensor y = at::empty_like(x), grad_x = at::empty_like(x);
      const DepthwiseWeights sums{at::zeros_like(w.weight_KD), at::zeros_like(w.bias_D)};
      depthwise_forward({x, {}}, w, near, {0, near.size()}, y);
      depthwise_backward({seed, {}}, x, w, near, {0, near.size()}, grad_x, sums);
      EXPECT_LT(worst({y.detach(), grad_x, sums.weight_KD, sums.bias_D}, expected),
                type == at::kDouble ? 1e-13 : 1e-5)
          << c.rows << " x " << c.columns << " x " << c.members << ", periodic " << c.periodic;
    }
  }
}

TEST(Depthwise, OfSomeUnitsTouchesTheirTokensAlone) {
  const Case c{12, 24, 2, true};
  const grid::Neighbourhood near = all_of(c);
  const Tensor x = at::randn({2, near.size(), 8});
  const DepthwiseWeights w{at::randn({grid::kTaps, 8}), at::randn({8})};
  const Tensor whole = at::zeros_like(x), some = at::zeros_like(x);
  depthwise_forward({x, {}}, w, near, {0, near.size()}, whole);
  depthwise_forward({x, {}}, w, near, {17, 300}, some);
  EXPECT_TRUE(at::equal(some.slice(1, 17, 300), whole.slice(1, 17, 300)));
  EXPECT_EQ(some.slice(1, 0, 17).abs().max().item<float>(), 0);
  EXPECT_EQ(some.slice(1, 300).abs().max().item<float>(), 0);
}

}  // namespace
}  // namespace seqvit::ops
