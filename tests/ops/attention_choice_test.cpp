#include "ops/attention_choice.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include "support/errors.h"

namespace seqvit::ops {
namespace {

AttentionKernel ours() {
  return {"ours", attention_forward, [](const auto&... tensors) { return attention_backward(tensors...); }};
}

constexpr AttentionSizes kShape{1, 2, 100, 90, 16};

TEST(AttentionChoice, MeasuresTheErrorOfARightKernel) {
  for (const auto type : {at::kDouble, at::kFloat, at::kBFloat16}) {
    const auto trials = try_attention_kernels({ours()}, kShape, type);
    EXPECT_EQ(trials[0].refused, "");
    EXPECT_GT(trials[0].error, 0.0);
    EXPECT_LT(trials[0].error, type == at::kDouble ? 1e-13 : type == at::kFloat ? 1e-5 : 2e-2);
    EXPECT_GT(trials[0].seconds, 0.0);
  }
}

/// `verify` runs in fp64, which libtorch's kernels for GPUs refuse. Against ours: on the CPU they are one
/// another's oracle.
TEST(AttentionChoice, AGpuHasAnExactKernelForFp64) {
  EXPECT_EQ(attention_kernels(at::kCUDA, at::kBFloat16).size(), 3U);
  const auto kernels = attention_kernels(at::kCUDA, at::kDouble);
  ASSERT_EQ(kernels.size(), 1U);
  const auto random = [](int64_t rows) { return at::randn({1, 2, rows, 16}, at::kDouble); };
  const Tensor q = random(40), k = random(30), v = random(30), grad = random(40);
  const auto [out, lse] = kernels[0].forward(q, k, v);
  const auto d = kernels[0].backward(grad, q, k, v, out, lse);
  const auto [our_out, our_lse] = attention_forward(q, k, v);
  const auto our = attention_backward(grad, q, k, v, our_out, our_lse);
  EXPECT_TRUE(at::allclose(out, our_out, 1e-12, 1e-12));
  EXPECT_TRUE(at::allclose(lse, our_lse, 1e-12, 1e-12));
  EXPECT_TRUE(at::allclose(d.q, our.q, 1e-12, 1e-12));
  EXPECT_TRUE(at::allclose(d.k, our.k, 1e-12, 1e-12));
  EXPECT_TRUE(at::allclose(d.v, our.v, 1e-12, 1e-12));
}

/// Each of what a kernel gives, wrong by a little; one that throws.
TEST(AttentionChoice, DropsWrongAndFailingKernels) {
  auto wrong = [](const char* name, double out, double lse, double dq, double dk, double dv) {
    return AttentionKernel{name,
                           [=](const Tensor& q, const Tensor& k, const Tensor& v) {
                             auto [o, l] = attention_forward(q, k, v);
                             return std::pair{o * out, l + lse};
                           },
                           [=](const Tensor& grad, const Tensor& q, const Tensor& k, const Tensor& v,
                               const Tensor& o, const Tensor& l) {
                             const auto d = attention_backward(grad, q, k, v, o / out, l - lse);
                             return AttentionGradients{d.q * dq, d.k * dk, d.v * dv};
                           }};
  };
  AttentionKernel failing = ours();
  failing.forward = [](const Tensor&, const Tensor&, const Tensor&) -> std::pair<Tensor, Tensor> {
    throw std::runtime_error("No available kernel\nand a trace");
  };
  const std::vector<AttentionKernel> kernels = {wrong("out", 1.01, 0, 1, 1, 1),
                                                wrong("lse", 1, 0.1, 1, 1, 1),
                                                wrong("dq", 1, 0, 1.01, 1, 1),
                                                wrong("dk", 1, 0, 1, 1.01, 1),
                                                wrong("dv", 1, 0, 1, 1, 1.01),
                                                failing,
                                                ours()};
  const auto trials = try_attention_kernels(kernels, kShape, at::kFloat);
  for (size_t i = 0; i < 5; ++i)
    EXPECT_NE(trials[i].refused.find("differs"), std::string::npos)
        << trials[i].name << ": " << trials[i].error;
  EXPECT_EQ(trials[5].refused, "No available kernel");
  EXPECT_EQ(choose_attention_kernel(trials), 6U);
  expect_error(Exit::bug, {"No available kernel", "differs from exact attention"}, [&] {
    choose_attention_kernel({trials[0], trials[5]});
  });
}

TEST(AttentionChoice, TakesTheFastestOfTheRest) {
  EXPECT_EQ(choose_attention_kernel({{"a", 0, 3.0, ""}, {"b", 0, 1.0, "wrong"}, {"c", 0, 2.0, ""}}), 2U);
}

}  // namespace
}  // namespace seqvit::ops
