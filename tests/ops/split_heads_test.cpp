#include "ops/split_heads.h"

#include <cmath>

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "ops/attention.h"
#include "ops/gradients.h"

namespace seqvit::ops {
namespace {

TEST(SplitHeads, JoinsGradientsWithoutACopyWhereItCan) {
  at::manual_seed(4);
  for (const auto type :
       {at::kFloat, at::kDouble}) {  // our kernel (where the processor has it) and libtorch's
    const Tensor x = at::randn({2, 40, 3 * 2 * 8}, type).requires_grad_(),
                 weight = at::randn({2, 40, 16}, type);
    auto gradient = [&](const std::vector<Tensor>& qkv) {
      (attention(qkv[0], qkv[1], qkv[2]).transpose(1, 2).flatten(2) * weight).sum().backward();
      const Tensor g = x.grad().clone();
      x.mutable_grad().reset();
      return g;
    };
    const Tensor expected = gradient(x.view({2, 40, 3, 2, 8}).permute({2, 0, 3, 1, 4}).unbind(0));
    EXPECT_TRUE(at::equal(gradient(split_heads(x, 3, 2)), expected));
  }
}

/// A grid of 210 x 5 patches of two tokens each, heads of `width`, any angles.
Rotation any_rotation(int64_t width, int64_t first, at::ScalarType type) {
  const auto table = [&](int64_t places, double step) {
    const Tensor angles =
        at::arange(places, at::kDouble).unsqueeze(1) * step * (1 + at::arange(width / 4, at::kDouble)) + 0.3;
    return at::cat({angles.cos(), angles.sin()}, 1).to(type);
  };
  return {table(210, 0.7), table(5, -0.4), 2, first};
}

/// What the header says, element by element.
double expected_element(const Tensor& x_BMnHE, const QueryKey& of, int64_t b, int64_t m, int64_t p, int64_t h,
                        int64_t e) {
  const int64_t width = x_BMnHE.size(4), half = width / 2;
  const auto normed = [&](int64_t c) {
    const Tensor t = x_BMnHE[b][m][p][h];
    if (of.gains.empty()) return t[c].item<double>();
    return t[c].item<double>() * of.gains[p][c].item<double>() /
           std::sqrt(t.square().mean().item<double>() + 1e-6);
  };
  if (p >= of.parts) return x_BMnHE[b][m][p][h][e].item<double>();
  if (!of.rotation) return normed(e);
  const int64_t pair = e % half, patch = (of.rotation->first + m) / 2, quarter = width / 4;
  const Tensor row = of.rotation->rows[patch / 5], column = of.rotation->columns[patch % 5];
  const Tensor& place = pair < quarter ? row : column;
  const double c = place[pair % quarter].item<double>(), s = place[quarter + pair % quarter].item<double>();
  return e < half ? normed(pair) * c - normed(pair + half) * s : normed(pair) * s + normed(pair + half) * c;
}

std::vector<QueryKey> settings(int64_t parts, int64_t width, at::ScalarType type) {
  std::vector<Tensor> gains;
  for (int64_t p = 0; p < parts; ++p)
    gains.push_back((1 + 0.3 * at::randn({width}, type)).requires_grad_());
  return {{.parts = parts, .rotation = any_rotation(width, 7, type)},
          {.parts = parts, .gains = gains},
          {.parts = parts, .gains = gains, .rotation = any_rotation(width, 7, type)}};
}

TEST(SplitHeads, NormalisesAndTurnsQueriesAndKeysOnly) {
  at::manual_seed(5);
  for (const auto& [n, parts] : {std::pair{3, 2}, {2, 1}, {1, 1}}) {
    for (const QueryKey& of : settings(parts, 12, at::kDouble)) {
      const Tensor x = at::randn({2, 11, n * 3 * 12}, at::kDouble);
      const auto found = split_heads(x.clone(), n, 3, of);
      const Tensor view = x.view({2, 11, n, 3, 12});
      for (int64_t i = 0; i < 200; ++i) {
        const int64_t b = i % 2, m = i % 11, p = i % n, h = i % 3, e = i * 5 % 12;
        EXPECT_NEAR(found[p][b][h][m][e].item<double>(), expected_element(view, of, b, m, p, h, e), 1e-14)
            << n << " parts, element " << i;
      }
    }
  }
}

TEST(SplitHeads, GradientsMatchFiniteDifferences) {
  at::manual_seed(6);
  for (const auto& [n, parts] : {std::pair{3, 2}, {1, 1}}) {
    for (const QueryKey& of : settings(parts, 8, at::kDouble)) {
      const Tensor x = at::randn({2, 9, n * 2 * 8}, at::kDouble).requires_grad_(),
                   weight = at::randn({n, 2, 2, 9, 8}, at::kDouble);
      const auto loss = [&] {
        const auto all = split_heads(x * 1.0, n, 2, of);
        Tensor sum = (all[0] * weight[0]).sum();
        for (int64_t p = 1; p < n; ++p)
          sum = sum + (all[p] * weight[p]).sum();
        return sum;
      };
      loss().backward();
      std::vector<Tensor> inputs = {x};
      inputs.insert(inputs.end(), of.gains.begin(), of.gains.end());
      for (const Tensor& input : inputs) {
        const Tensor values = input.detach().view({-1}), gradient = input.grad().view({-1});
        for (int64_t i = 0; i < values.numel(); i += 1 + values.numel() / 16) {
          const double before = values[i].item<double>(), h = 1e-5;
          values[i] = before + h;
          const double up = loss().item<double>();
          values[i] = before - h;
          const double down = loss().item<double>();
          values[i] = before;
          EXPECT_NEAR(gradient[i].item<double>(), (up - down) / (2 * h), 1e-7) << i;
        }
        input.mutable_grad().reset();  // gains serve two settings
      }
    }
  }
}

/// Gradients that attention writes over queries, keys and values are turned where they lie; those that lie
/// apart are joined.
TEST(SplitHeads, TurnsGradientsWhereverTheyLie) {
  at::manual_seed(7);
  const QueryKey of = settings(2, 8, at::kDouble)[2];
  const Tensor x = at::randn({2, 9, 3 * 2 * 8}, at::kDouble).requires_grad_(),
               weight = at::randn({2, 9, 3 * 2 * 8}, at::kDouble);
  std::vector<Tensor> gradients;
  for (const bool apart : {false, true}) {
    auto parts = split_heads(x * 1.0, 3, 2, of);
    std::vector<Tensor> seeds = heads_of_projection(weight.clone(), 3, 2);
    for (size_t p = 0; p < seeds.size() && apart; ++p)
      seeds[p] = seeds[p].contiguous();
    torch::autograd::backward({parts[0], parts[1], parts[2]}, seeds);
    gradients.push_back(x.grad().clone());
    x.mutable_grad().reset();
  }
  EXPECT_TRUE(at::equal(gradients[0], gradients[1]));
}

TEST(SplitHeads, LibtorchsOperationsAreTheSame) {
  at::manual_seed(8);
  for (const auto type : {at::kDouble, at::kFloat, at::kBFloat16}) {
    const auto master = type == at::kDouble ? at::kDouble : at::kFloat;
    const double tolerance = type == at::kDouble ? 1e-13 : type == at::kFloat ? 1e-5 : 0.01;
    for (const QueryKey& of : settings(1, 16, master)) {
      const Tensor x = at::randn({2, 70, 3 * 16}).to(type).requires_grad_(),
                   seed = at::randn({2, 3, 70, 16}).to(type);
      const Tensor part = split_heads(x * 1.0, 1, 3, of)[0];
      (part * seed).sum().backward();
      const Tensor raw = heads_of_projection(x.detach(), 1, 3)[0];
      const Tensor gain = of.gains.empty() ? Tensor() : of.gains[0].detach();
      const auto [grad, of_gain] = prepare_part_backward(seed, raw, gain, of.rotation);
      std::vector<Tensor> found = {part.detach(), heads_of_projection(x.grad(), 1, 3)[0]},
                          expected = {prepare_part(raw, gain, of.rotation), grad};
      if (gain.defined()) found.push_back(of.gains[0].grad()), expected.push_back(of_gain);
      EXPECT_LT(worst(found, expected), tolerance) << type;
      if (gain.defined()) of.gains[0].mutable_grad().reset();
    }
  }
}

TEST(SplitHeads, ResultsDoNotDependOnThreads) {
  at::manual_seed(9);
  const QueryKey of = settings(2, 8, at::kFloat)[2];
  const Tensor x = at::randn({3, 2000, 3 * 2 * 8}).requires_grad_();
  std::vector<std::vector<Tensor>> all;
  const int threads = at::get_num_threads();
  for (const int n : {1, 3}) {
    at::set_num_threads(n);
    const auto parts = split_heads(x * 1.0, 3, 2, of);
    all.push_back(
        with_gradients(parts[0] * parts[1] + parts[2], parts[2].detach(), {x, of.gains[0], of.gains[1]}));
  }
  at::set_num_threads(threads);
  for (size_t i = 0; i < all[0].size(); ++i)
    EXPECT_TRUE(at::equal(all[0][i], all[1][i])) << i;
}

}  // namespace
}  // namespace seqvit::ops
