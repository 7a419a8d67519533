#include "ops/product.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/baddbmm.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include "ops/flash/kernel.h"
#include "ops/gradients.h"
#include "ops/tiles.h"

namespace seqvit::ops {
namespace {

/// As on a processor without AVX-512, where this one has AVX2 at least.
class Product : public testing::Test {
 protected:
  void SetUp() override {
    flash::use_at_most(flash::Instructions::avx2);
    if (!flash::instructions_for(flash::Type::fp32)) GTEST_SKIP() << "this processor lacks AVX2";
    ASSERT_TRUE(widens_bf16());
    at::manual_seed(1);
  }
  void TearDown() override { flash::use_at_most(flash::Instructions::amx); }

  static Tensor random(std::vector<int64_t> shape) {
    return at::randn(shape).to(at::kBFloat16).requires_grad_();
  }
};

constexpr double kRounding = 1.0 / 256;  ///< of bf16, to the nearest

TEST_F(Product, LinearIsRoundedOnceInValueAndGradient) {
  const Tensor x = random({2, 3, 50}), weight = random({40, 50}), bias = random({40}),
               seed = at::randn({2, 3, 40}).to(at::kBFloat16);
  const std::vector<Tensor> inputs = {x, weight, bias};
  for (const bool with_bias : {true, false}) {
    const std::vector<Tensor> of = with_bias ? inputs : std::vector<Tensor>{x, weight};
    const Tensor y = linear_product(x, weight, with_bias ? bias : Tensor());
    EXPECT_EQ(y.scalar_type(), at::kBFloat16);
    auto wide = [](const Tensor& t) { return t.to(at::kFloat); };
    const Tensor expected = at::linear(wide(x), wide(weight), with_bias ? wide(bias) : Tensor());
    EXPECT_LE(worst(with_gradients(y, seed, of), with_gradients(expected, wide(seed), of)), kRounding);
    EXPECT_TRUE(at::equal(y, expected.to(at::kBFloat16)));
  }
}

/// A frozen weight; the rows of several tiles; a rank without tokens.
TEST_F(Product, LinearWithoutSomeGradientsAndRows) {
  for (const int64_t rows : {int64_t{0}, 2 * kDefaultTile + 3}) {
    const Tensor x = random({rows, 6}), weight = random({4, 6}), frozen = weight.detach();
    linear_product(x, frozen).sum().backward();
    EXPECT_TRUE(at::equal(
        x.grad(), at::ones({rows, 1}, at::kBFloat16) * frozen.to(at::kFloat).sum(0, true).to(at::kBFloat16)));
    linear_product(x.detach(), weight).sum().backward();
    const Tensor expected = x.detach().to(at::kFloat).sum(0, true).expand({4, 6});
    EXPECT_TRUE(at::allclose(weight.grad().to(at::kFloat), expected, kRounding, 1e-3)) << rows;
  }
}

TEST_F(Product, StacksOfMatricesToo) {
  const Tensor a = random({4, 7, 20}), b = random({4, 20, 9}), bias = random({4, 1, 9}),
               seed = at::randn({4, 7, 9}).to(at::kBFloat16);
  const auto wide = [](const Tensor& t) { return t.to(at::kFloat); };
  EXPECT_LE(worst(with_gradients(batched_product(a, b, bias), seed, {a, b, bias}),
                  with_gradients(at::baddbmm(wide(bias), wide(a), wide(b)), wide(seed), {a, b, bias})),
            kRounding);
  EXPECT_LE(worst(with_gradients(batched_product(a, b), seed, {a, b}),
                  with_gradients(at::bmm(wide(a), wide(b)), wide(seed), {a, b})),
            kRounding);
}

TEST_F(Product, WithoutGradientsTheSame) {
  const at::NoGradGuard no_grad;
  const Tensor a = random({7, 20}), b = random({20, 9}), bias = random({9});
  const Tensor expected = linear_product(a, b.t(), bias);
  EXPECT_TRUE(at::equal(product(a, b, bias), expected));
  Tensor out = at::empty({7, 9}, at::kBFloat16);
  product_out(out, a, b, bias);
  EXPECT_TRUE(at::equal(out, expected));
  product_out(out, a, b);
  EXPECT_TRUE(at::equal(out, product(a, b)));
  const Tensor sum = at::ones({7, 9});
  add_product(sum, a, b);
  EXPECT_TRUE(at::equal(sum, at::mm(a.to(at::kFloat), b.to(at::kFloat)) + 1)) << "not rounded on the way";
}

TEST_F(Product, OtherTypesAreAsTheyWere) {
  const Tensor a = at::randn({7, 20}, at::kDouble), b = at::randn({20, 9}, at::kDouble);
  EXPECT_TRUE(at::equal(product(a, b), at::mm(a, b)));
  EXPECT_EQ(for_product(a).const_data_ptr(), a.const_data_ptr());
}

}  // namespace
}  // namespace seqvit::ops
