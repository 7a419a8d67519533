#include "ops/attention.h"

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/softmax.h>
#include <gtest/gtest.h>

namespace seqvit::ops {
namespace {

struct Reference {
  Tensor out, lse;
};

Reference plain_attention(const Tensor& q, const Tensor& k, const Tensor& v) {
  const Tensor scores = at::matmul(q, k.transpose(-1, -2)) / std::sqrt(static_cast<double>(q.size(-1)));
  return {at::matmul(at::softmax(scores, -1), v), at::logsumexp(scores, {-1})};
}

double difference(const Tensor& a, const Tensor& b) {
  return ((a.to(at::kDouble) - b.to(at::kDouble)).abs().max() / b.abs().max()).item<double>();
}

TEST(Attention, MatchesThePlainFormulaInValueAndGradient) {
  at::manual_seed(1);
  for (const auto& [queries, keys] : {std::pair{5, 5}, {7, 33}, {64, 17}}) {
    auto random = [](int64_t n) { return at::randn({2, 3, n, 8}, at::kDouble).requires_grad_(); };
    const Tensor q = random(queries), k = random(keys), v = random(keys),
                 weight = at::randn({2, 3, queries, 8}, at::kDouble);
    const auto [out, lse] = attention_forward(q, k, v);
    const Reference expected = plain_attention(q, k, v);
    EXPECT_LT(difference(out, expected.out), 1e-12);
    EXPECT_LT(difference(lse, expected.lse), 1e-12);

    (attention(q, k, v) * weight).sum().backward();
    const Tensor dq = q.grad().clone(), dk = k.grad().clone(), dv = v.grad().clone();
    q.mutable_grad().zero_(), k.mutable_grad().zero_(), v.mutable_grad().zero_();
    (expected.out * weight).sum().backward();
    EXPECT_LT(difference(dq, q.grad()), 1e-11);
    EXPECT_LT(difference(dk, k.grad()), 1e-11);
    EXPECT_LT(difference(dv, v.grad()), 1e-11);
  }
}

/// A head too wide for our kernel, in bf16: libtorch's kernel, in fp32 where the processor has nothing
/// better.
TEST(Attention, OfWideHeadsInBf16) {
  at::manual_seed(3);
  auto random = [] { return at::randn({1, 2, 40, 300}).to(at::kBFloat16).requires_grad_(); };
  const Tensor q = random(), k = random(), v = random(), weight = at::randn({1, 2, 40, 300});
  auto gradients = [&](const Tensor& out) {
    (out.to(at::kFloat) * weight).sum().backward();
    std::vector<Tensor> all;
    for (const Tensor& t : {q, k, v}) {
      all.push_back(t.grad().clone());
      t.mutable_grad().reset();
    }
    return all;
  };
  const Tensor out = attention(q, k, v);
  EXPECT_EQ(out.scalar_type(), at::kBFloat16);
  const Tensor expected = plain_attention(q.to(at::kDouble), k.to(at::kDouble), v.to(at::kDouble)).out;
  EXPECT_LT(difference(out, expected), 0.01);
  const auto found = gradients(out), exact = gradients(expected);
  for (size_t i = 0; i < found.size(); ++i)
    EXPECT_LT(difference(found[i], exact[i]), 0.02) << i;
}

TEST(Attention, TakesStridedViewsOfAFusedProjection) {
  at::manual_seed(2);
  const Tensor qkv = at::randn({2, 9, 3, 4, 8}, at::kDouble).permute({2, 0, 3, 1, 4});
  const Tensor out = attention(qkv.select(0, 0), qkv.select(0, 1), qkv.select(0, 2));
  EXPECT_LT(difference(out, plain_attention(qkv[0], qkv[1], qkv[2]).out), 1e-12);
}

TEST(Attention, BackwardOfABlockOfKeysIsItsShare) {
  at::manual_seed(3);
  auto random = [](int64_t n) { return at::randn({1, 2, n, 4}, at::kDouble); };
  const Tensor q = random(6), k = random(10), v = random(10), grad = random(6);
  const auto [out, lse] = attention_forward(q, k, v);
  const AttentionGradients whole = attention_backward(grad, q, k, v, out, lse);
  const AttentionGradients a = attention_backward(grad, q, k.narrow(2, 0, 4), v.narrow(2, 0, 4), out, lse);
  const AttentionGradients b = attention_backward(grad, q, k.narrow(2, 4, 6), v.narrow(2, 4, 6), out, lse);
  EXPECT_LT(difference(a.q + b.q, whole.q), 1e-12);
  EXPECT_LT(difference(at::cat({a.k, b.k}, 2), whole.k), 1e-12);
  EXPECT_LT(difference(at::cat({a.v, b.v}, 2), whole.v), 1e-12);
}

}  // namespace
}  // namespace seqvit::ops
