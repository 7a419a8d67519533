#include "ops/recompute.h"

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include "ops/attention.h"
#include "ops/gradients.h"
#include "ops/linear_residual.h"
#include "ops/norm_linear.h"
#include "ops/offload.h"
#include "support/temporary_directory.h"

namespace seqvit::ops {
namespace {

struct Result {
  Tensor value, x_gradient, w_gradient;
  int body_runs, expensive_runs;
};

/// y = w * expensive(x) summed, under one mode.
Result run(Recompute mode) {
  const Tensor x = at::arange(1.0, 5.0, at::kDouble).view({1, 1, 2, 2}).requires_grad_();
  const Tensor w = at::full({2}, 0.5, at::kDouble).requires_grad_();
  int body_runs = 0, expensive_runs = 0;
  const Tensor y = recompute(
      mode,
      [&](const Tensor& in) {
        ++body_runs;
        remember([&] {
          ++expensive_runs;
          return std::vector<Tensor>{};
        });
        return attention(in * w, in, in.sin());
      },
      x);
  (y * y).sum().backward();
  return {y.detach(), x.grad(), w.grad(), body_runs, expensive_runs};
}

TEST(Recompute, GivesTheSameGradientsAndRunsWhatItShould) {
  const Result none = run(Recompute::none), full = run(Recompute::full),
               keep = run(Recompute::keep_attention);
  for (const Result* other : {&full, &keep}) {
    EXPECT_TRUE(at::equal(none.value, other->value));
    EXPECT_TRUE(at::allclose(none.x_gradient, other->x_gradient, 1e-13, 0));
    EXPECT_TRUE(at::allclose(none.w_gradient, other->w_gradient, 1e-13, 0));
  }
  EXPECT_EQ(none.body_runs, 1);
  EXPECT_EQ(full.body_runs, 2);
  EXPECT_EQ(full.expensive_runs, 2);
  EXPECT_EQ(keep.body_runs, 2);
  EXPECT_EQ(keep.expensive_runs, 1);
}

/// An input that waits elsewhere comes back for the operations that read it, and not before.
TEST(Recompute, TakesItsInputByValues) {
  at::manual_seed(1);
  const TemporaryDirectory d;
  OffloadFile file(d.path());
  HostStore host;
  auto random = [](std::vector<int64_t> shape) { return at::randn(shape, at::kDouble).requires_grad_(); };
  const NormLinearWeights w{random({4}), random({4}), random({6, 4}), random({6})};
  const Tensor x = random({2, 5, 4}), weight = random({4, 6}), bias = random({4}),
               seed = at::randn({2, 5, 4}, at::kDouble);
  const std::vector<Tensor> inputs = {x, w.norm_weight, w.norm_bias, w.weight, w.bias, weight, bias};
  bool has_values = true;
  auto part = [&](const Tensor& in) {
    has_values = in.storage().nbytes() > 8;
    const Tensor u = norm_linear(in, w);
    const Tensor factor = remember([&] { return std::vector<Tensor>{u.detach().sin()}; })[0];
    return linear_residual(in, u * factor, weight, bias, {});
  };
  const auto expected = with_gradients(part(part(x)), seed, inputs);
  for (ActivationStore* where : std::vector<ActivationStore*>{nullptr, &file, &host}) {
    // Two parts, of which the last is the first to take back what it has put away.
    const Tensor middle = recompute(Recompute::keep_attention, part, x, where, TakesInput::by_values),
                 y = recompute(Recompute::keep_attention, part, middle, where, TakesInput::by_values);
    EXPECT_TRUE(has_values);
    EXPECT_LT(worst(with_gradients(y, seed, inputs), expected), 1e-13);
    EXPECT_EQ(has_values, where == nullptr);
  }
  EXPECT_EQ(file.put(x), 0);  // all room was given back
  EXPECT_EQ(host.size(), 0);
}

TEST(Recompute, IsPlainWithoutGradients) {
  const at::NoGradGuard no_grad;
  int runs = 0;
  const Tensor y = recompute(
      Recompute::full,
      [&](const Tensor& x) {
        ++runs;
        return x + 1;
      },
      at::ones({2}));
  EXPECT_EQ(runs, 1);
  EXPECT_FALSE(y.requires_grad());
}

}  // namespace
}  // namespace seqvit::ops
