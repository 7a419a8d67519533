#include "ops/mlp.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "ops/gradients.h"
#include "ops/norm_linear.h"
#include "ops/offload.h"
#include "ops/recompute.h"
#include "support/temporary_directory.h"

namespace seqvit::ops {
namespace {

MlpWeights random_weights(int64_t width, int64_t hidden, at::ScalarType compute) {
  auto random = [](std::vector<int64_t> shape, at::ScalarType type) {
    return at::randn(shape, at::kDouble).to(type).requires_grad_();
  };
  const auto master = compute == at::kBFloat16 ? at::kFloat : compute;
  return {random({width}, master),  random({width}, master),          random({hidden, width}, compute),
          random({hidden}, master), random({width, hidden}, compute), random({width}, master)};
}

std::vector<Tensor> inputs_of(const Tensor& x, const MlpWeights& w) {
  return {x, w.norm_weight, w.norm_bias, w.fc1_weight, w.fc1_bias, w.fc2_weight, w.fc2_bias};
}

Tensor plain(const Tensor& x, const Tensor& scale, const MlpWeights& w) {
  const Tensor u = at::layer_norm(x, {x.size(-1)}, w.norm_weight, w.norm_bias, kLayerNormEpsilon);
  const Tensor branch =
      at::linear(at::gelu(at::linear(u, w.fc1_weight, w.fc1_bias)), w.fc2_weight, w.fc2_bias);
  return scale.defined() ? x + scale * branch : x + branch;
}

TEST(Mlp, InTilesEqualsTheWholeInValueAndGradient) {
  at::manual_seed(1);
  const MlpWeights w = random_weights(6, 20, at::kDouble);
  for (const bool dropped : {false, true}) {
    const Tensor scale = dropped ? at::tensor({0.0, 1.25}, at::kDouble).view({2, 1, 1}) : Tensor();
    for (const int64_t tile : {1, 4, 11, 0}) {
      const Tensor x = at::randn({2, 11, 6}, at::kDouble).requires_grad_(),
                   seed = at::randn({2, 11, 6}, at::kDouble);
      const auto expected = with_gradients(plain(x, scale, w), seed, inputs_of(x, w));
      EXPECT_LT(worst(with_gradients(mlp_residual(x, scale, w, tile), seed, inputs_of(x, w)), expected),
                1e-12)
          << tile;
      const at::NoGradGuard no_grad;
      EXPECT_LT(worst({mlp_residual(x, scale, w, tile)}, {expected[0]}), 1e-13) << tile;
    }
  }
}

/// Norms of each sample: as every sample alone.
TEST(Mlp, NormsBySampleAreThoseOfEachAlone) {
  at::manual_seed(7);
  MlpWeights w = random_weights(6, 20, at::kDouble);
  w.norm_weight = at::randn({2, 6}, at::kDouble).requires_grad_();
  w.norm_bias = at::randn({2, 6}, at::kDouble).requires_grad_();
  const Tensor x = at::randn({2, 11, 6}, at::kDouble).requires_grad_(),
               seed = at::randn({2, 11, 6}, at::kDouble);
  std::vector<Tensor> alone;
  for (int64_t b = 0; b < 2; ++b) {
    MlpWeights of = w;
    of.norm_weight = w.norm_weight[b], of.norm_bias = w.norm_bias[b];
    alone.push_back(plain(x.narrow(0, b, 1), {}, of));
  }
  const auto expected = with_gradients(at::cat(alone), seed, inputs_of(x, w));
  EXPECT_LT(worst(with_gradients(mlp_residual(x, {}, w, 4), seed, inputs_of(x, w)), expected), 1e-12);
}

/// As tensor parallelism uses it: hidden channels in two parts whose results add up.
TEST(Mlp, PartsOfTheHiddenChannelsAddUp) {
  at::manual_seed(3);
  const MlpWeights w = random_weights(6, 20, at::kDouble);
  const Tensor u = at::randn({2, 11, 6}, at::kDouble).requires_grad_(),
               seed = at::randn({2, 11, 6}, at::kDouble);
  const std::vector<Tensor> inputs = {u, w.fc1_weight, w.fc1_bias, w.fc2_weight};
  auto with = [&](const Tensor& y) { return with_gradients(y, seed, inputs); };
  auto part = [&](int64_t begin, int64_t end) {
    MlpWeights of = w;
    of.fc1_weight = w.fc1_weight.slice(0, begin, end), of.fc1_bias = w.fc1_bias.slice(0, begin, end);
    of.fc2_weight = w.fc2_weight.slice(1, begin, end);
    return mlp(u, of, 4);
  };
  const auto expected = with(at::linear(at::gelu(at::linear(u, w.fc1_weight, w.fc1_bias)), w.fc2_weight));
  EXPECT_LT(worst(with(part(0, 7) + part(7, 20)), expected), 1e-12);
}

/// As the last thing of a recomputed part, with what is kept in memory, in a file and in a store.
TEST(Mlp, EndsARecomputedPart) {
  at::manual_seed(2);
  const TemporaryDirectory d;
  OffloadFile file(d.path());
  HostStore host;
  const MlpWeights w = random_weights(4, 8, at::kDouble);
  const Tensor x = at::randn({1, 7, 4}, at::kDouble).requires_grad_(),
               seed = at::randn({1, 7, 4}, at::kDouble);
  auto part = [&](const Tensor& in) {
    return mlp_residual(in * 2 + remember([&] { return std::vector<Tensor>{in.sin()}; })[0], {}, w, 3);
  };
  const auto expected = with_gradients(plain(x * 2 + x.sin().detach(), {}, w), seed, inputs_of(x, w));
  for (ActivationStore* where : std::vector<ActivationStore*>{nullptr, &file, &host}) {
    const Tensor y = recompute(Recompute::keep_attention, part, x, where);
    EXPECT_LT(worst(with_gradients(y, seed, inputs_of(x, w)), expected), 1e-12);
  }
  EXPECT_EQ(file.bytes_written(), 2 * 7 * 4 * 8);
  EXPECT_EQ(host.size(), 0);
}

}  // namespace
}  // namespace seqvit::ops
