#include "cli/bench_attention.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu_backward.h>
#include <ATen/ops/randn.h>

#include "cli/timing.h"
#include "core/log.h"
#include "core/median.h"
#include "ops/cpu_attention.h"

namespace seqvit::cli {

nlohmann::ordered_json bench_attention(const AttentionShape& shape, at::ScalarType type, int64_t rounds) {
  const at::NoGradGuard no_grad;
  ops::use_wished_cpu_kernel(type);
  const int64_t width = shape.embed_dim / shape.num_heads;
  auto random = [&] { return at::randn({shape.batch_size, shape.num_heads, shape.tokens, width}).to(type); };
  const Tensor q = random(), k = random(), v = random(), grad = random();
  const double pairs = static_cast<double>(shape.batch_size * shape.num_heads) *
                       static_cast<double>(shape.tokens) * static_cast<double>(shape.tokens) *
                       static_cast<double>(width);
  const double forward_flops = 4.0 * pairs, backward_flops = 10.0 * pairs;

  // In alternation: ours, a matrix product, libtorch's, a matrix product; every ratio is between neighbours.
  std::vector<double> forward, backward, forward_share, backward_share, forward_speedup, backward_speedup;
  Progress progress;
  for (int64_t round = 0; round < rounds; ++round) {
    const double roof_before = matmul_rate(type);
    std::pair<Tensor, Tensor> mine, theirs;
    ops::AttentionGradients gradients;
    const double f = seconds_of([&] { mine = ops::attention_forward(q, k, v); });
    const double b =
        seconds_of([&] { gradients = ops::attention_backward(grad, q, k, v, mine.first, mine.second); });
    const double roof = 0.5 * (roof_before + matmul_rate(type));
    const double tf = seconds_of([&] {
      auto [out, lse] = at::_scaled_dot_product_flash_attention_for_cpu(q, k, v);
      theirs = {out, lse};
    });
    const double tb = seconds_of([&] {
      at::_scaled_dot_product_flash_attention_for_cpu_backward(grad, q, k, v, theirs.first, theirs.second,
                                                               0.0, false);
    });
    progress.show(
        fmt::format("bench: round {}/{}  forward {:.4f} s, libtorch {:.4f} s", round + 1, rounds, f, tf));
    if (round == 0 && rounds > 1) continue;  // the first one warms caches up
    forward.push_back(f), backward.push_back(b);
    forward_share.push_back(forward_flops / f / roof), backward_share.push_back(backward_flops / b / roof);
    forward_speedup.push_back(tf / f), backward_speedup.push_back(tb / b);
  }
  return {{"tokens", shape.tokens},
          {"num_heads", shape.num_heads},
          {"head_dim", width},
          {"batch_size", shape.batch_size},
          {"type", type == at::kBFloat16 ? "bf16"
                   : type == at::kDouble ? "fp64"
                                         : "fp32"},
          {"threads", at::get_num_threads()},
          {"kernel", ops::attention_kernel_name(q)},
          {"flop_convention", "forward 4 B H N^2 E, backward 10 B H N^2 E"},
          {"forward_seconds", median(forward)},
          {"backward_seconds", median(backward)},
          {"forward_share_of_matmul", median(forward_share)},
          {"backward_share_of_matmul", median(backward_share)},
          {"forward_speedup_over_libtorch", median(forward_speedup)},
          {"backward_speedup_over_libtorch", median(backward_speedup)}};
}

}  // namespace seqvit::cli
