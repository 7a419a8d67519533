#include "ops/attention_choice.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include <ATen/TensorOperators.h>
#include <ATen/ops/_scaled_dot_product_cudnn_attention.h>
#include <ATen/ops/_scaled_dot_product_cudnn_attention_backward.h>
#include <ATen/ops/_scaled_dot_product_efficient_attention.h>
#include <ATen/ops/_scaled_dot_product_efficient_attention_backward.h>
#include <ATen/ops/_scaled_dot_product_flash_attention.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_backward.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros_like.h>

#include "core/clock.h"
#include "core/error.h"

namespace seqvit::ops {
namespace {

constexpr int64_t kSampledQueries = 64;

/// State of a random generator that no dropout uses.
Tensor no_seed(const Tensor& like) {
  return at::empty({0}, like.options().dtype(at::kLong));
}

/// Products that hold all scores, in any type on any device: exact where the others are tried, and fp64's
/// only.
AttentionKernel plain() {
  const auto scores = [](const Tensor& q, const Tensor& k) {
    return at::matmul(q, k.transpose(2, 3)) / std::sqrt(static_cast<double>(q.size(3)));
  };
  return {"plain",
          [=](const Tensor& q, const Tensor& k, const Tensor& v) {
            const Tensor s = scores(q, k), lse = s.logsumexp(-1);
            return std::pair{at::matmul((s - lse.unsqueeze(-1)).exp(), v), lse};
          },
          [=](const Tensor& grad, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& out,
              const Tensor& lse) {
            const Tensor weights = (scores(q, k) - lse.unsqueeze(-1)).exp();
            const Tensor of_weights = at::matmul(grad, v.transpose(2, 3)),
                         of_scores = weights * (of_weights - (grad * out).sum(-1, true)) /
                                     std::sqrt(static_cast<double>(q.size(3)));
            return AttentionGradients{at::matmul(of_scores, k), at::matmul(of_scores.transpose(2, 3), q),
                                      at::matmul(weights.transpose(2, 3), grad)};
          }};
}

AttentionKernel flash() {
  return {"flash",
          [](const Tensor& q, const Tensor& k, const Tensor& v) {
            auto result = at::_scaled_dot_product_flash_attention(q, k, v);
            return std::pair{std::get<0>(result), std::get<1>(result)};
          },
          [](const Tensor& grad, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& out,
             const Tensor& lse) {
            const Tensor none, seed = no_seed(q);
            auto [dq, dk, dv] = at::_scaled_dot_product_flash_attention_backward(
                grad, q, k, v, out, lse, none, none, q.size(2), k.size(2), /*dropout_p=*/0.0,
                /*is_causal=*/false, seed, seed);
            return AttentionGradients{dq, dk, dv};
          }};
}

AttentionKernel cudnn() {
  return {
      "cuDNN",
      [](const Tensor& q, const Tensor& k, const Tensor& v) {
        auto result =
            at::_scaled_dot_product_cudnn_attention(q, k, v, std::nullopt, /*compute_log_sumexp=*/true);
        return std::pair{std::get<0>(result), std::get<1>(result).view({q.size(0), q.size(1), q.size(2)})};
      },
      [](const Tensor& grad, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& out,
         const Tensor& lse) {
        const Tensor none, seed = no_seed(q);
        auto [dq, dk, dv] = at::_scaled_dot_product_cudnn_attention_backward(
            grad, q, k, v, out, lse.unsqueeze(-1), seed, seed, none, none, none, q.size(2), k.size(2),
            /*dropout_p=*/0.0,
            /*is_causal=*/false);
        return AttentionGradients{dq, dk, dv};
      }};
}

AttentionKernel memory_efficient() {
  constexpr int64_t kPadding = 32;  // its log-sum-exp has whole blocks of queries
  return {"memory-efficient",
          [](const Tensor& q, const Tensor& k, const Tensor& v) {
            auto result = at::_scaled_dot_product_efficient_attention(q, k, v, std::nullopt,
                                                                      /*compute_log_sumexp=*/true);
            return std::pair{std::get<0>(result), std::get<1>(result).narrow(2, 0, q.size(2))};
          },
          [](const Tensor& grad, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& out,
             const Tensor& lse) {
            const int64_t rest = (kPadding - lse.size(2) % kPadding) % kPadding;
            const Tensor none, seed = no_seed(q), padded = at::constant_pad_nd(lse, {0, rest}, INFINITY);
            auto [dq, dk, dv, bias] = at::_scaled_dot_product_efficient_attention_backward(
                grad, q, k, v, none, out, padded, seed, seed, /*dropout_p=*/0.0, {true, true, true, false});
            return AttentionGradients{dq, dk, dv};
          }};
}

/// Largest difference over the largest exact element; infinite where something is not a number.
double difference(const Tensor& found, const Tensor& exact) {
  const double error = (found.to(exact.scalar_type()) - exact).abs().max().item<double>();
  return std::isfinite(error) ? error / std::max(exact.abs().max().item<double>(), 1e-30) : INFINITY;
}

struct Problem {
  Tensor q, k, v, grad;         ///< grad is zero but for the sampled queries
  Tensor sampled;               ///< which
  Tensor out, lse, dq, dk, dv;  ///< exact; out, lse and dq of the sampled queries
};

Problem make_problem(const AttentionSizes& s, const at::TensorOptions& options) {
  // Drawn on the CPU: the same numbers on every device.
  auto random = [&](int64_t rows) {
    return at::randn({s.batch, rows, s.heads, s.head_dim}, at::kFloat).to(options).transpose(1, 2);
  };
  Problem p{random(s.queries), random(s.keys), random(s.keys), {}, {}, {}, {}, {}, {}, {}};
  const int64_t count = std::min(kSampledQueries, s.queries);
  p.sampled = (at::arange(count, at::kLong) * s.queries / count).floor().to(at::kLong).to(options.device());
  p.grad = at::zeros_like(p.q);
  p.grad.index_copy_(2, p.sampled, random(count));

  const auto exact = p.q.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const Tensor q = p.q.index_select(2, p.sampled).to(exact), k = p.k.to(exact), v = p.v.to(exact),
               grad = p.grad.index_select(2, p.sampled).to(exact);
  const AttentionKernel kernel = plain();
  std::tie(p.out, p.lse) = kernel.forward(q, k, v);
  const AttentionGradients d = kernel.backward(grad, q, k, v, p.out, p.lse);
  p.dq = d.q, p.dk = d.k, p.dv = d.v;
  return p;
}

double error_of(const AttentionKernel& kernel, const Problem& p) {
  const auto [out, lse] = kernel.forward(p.q, p.k, p.v);
  const AttentionGradients d = kernel.backward(p.grad, p.q, p.k, p.v, out, lse);
  auto sampled = [&](const Tensor& x) { return x.index_select(2, p.sampled); };
  return std::max({difference(sampled(out), p.out), difference(sampled(lse), p.lse),
                   difference(sampled(d.q), p.dq), difference(d.k, p.dk), difference(d.v, p.dv)});
}

/// Seconds of forward and backward; reading an element waits for the device.
double seconds_of(const AttentionKernel& kernel, const Problem& p) {
  const double start = seconds_now();
  const auto [out, lse] = kernel.forward(p.q, p.k, p.v);
  kernel.backward(p.grad, p.q, p.k, p.v, out, lse).q.flatten()[0].item<double>();
  return seconds_now() - start;
}

double tolerance_of(at::ScalarType type) {
  if (type == at::kDouble) return 1e-10;
  return type == at::kFloat ? 1e-4 : 3e-2;
}

}  // namespace

std::vector<AttentionKernel> attention_kernels(c10::Device device, at::ScalarType type) {
  if (type == at::kDouble || !device.is_cuda()) return {plain()};
  return {flash(), cudnn(), memory_efficient()};
}

std::vector<KernelTrial> try_attention_kernels(const std::vector<AttentionKernel>& kernels,
                                               const AttentionSizes& shape, const at::TensorOptions& options,
                                               double tolerance, int rounds) {
  const Problem problem = make_problem(shape, options);
  const double limit = tolerance > 0.0 ? tolerance : tolerance_of(problem.q.scalar_type());
  std::vector<KernelTrial> trials;
  for (const AttentionKernel& kernel : kernels) {
    KernelTrial trial{.name = kernel.name, .refused = {}};
    try {
      trial.error = error_of(kernel, problem);
      trial.seconds = seconds_of(kernel, problem);
      for (int round = 1; round < rounds; ++round)
        trial.seconds = std::min(trial.seconds, seconds_of(kernel, problem));
      if (!(trial.error <= limit))
        trial.refused = fmt::format("differs from exact attention by {:.1e}", trial.error);
    } catch (const std::exception& error) {  // a kernel that refuses is a result
      const std::string text = error.what();
      trial.refused = text.substr(0, text.find('\n'));
    }
    trials.push_back(trial);
  }
  return trials;
}

size_t choose_attention_kernel(const std::vector<KernelTrial>& trials) {
  const auto better = [](const KernelTrial& a, const KernelTrial& b) {
    return a.refused.empty() != b.refused.empty() ? a.refused.empty() : a.seconds < b.seconds;
  };
  const auto best = std::min_element(trials.begin(), trials.end(), better);
  if (best != trials.end() && best->refused.empty()) return static_cast<size_t>(best - trials.begin());
  std::string reasons;
  for (const KernelTrial& trial : trials)
    reasons += fmt::format(" {}: {};", trial.name, trial.refused);
  fail(Exit::bug, "no attention kernel computes this job's shape and type:{}", reasons);
}

}  // namespace seqvit::ops
