#include "cli/timing.h"

#include <algorithm>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/randn.h>

#include "core/clock.h"
#include "core/log.h"
#include "ops/product.h"

namespace seqvit::cli {

double seconds_of(const std::function<void()>& body) {
  const double start = seconds_now();
  body();
  return seconds_now() - start;
}

double matmul_rate(const at::TensorOptions& options) {
  const at::NoGradGuard no_grad;
  // Long enough for a GPU that starting it and reading an element, which waits for it, do not count.
  const int64_t n = options.device().is_cpu() ? 4096 : 16384, inner = options.device().is_cpu() ? 1024 : 8192;
  const at::Tensor a = at::randn({n, inner}).to(options), b = at::randn({inner, n}).to(options);
  double best = 1e30, all = 0.0;
  for (int i = 0; i < 6 && all < 5.0; ++i) {
    const double seconds = seconds_of([&] { ops::product(a, b)[0][0].item(); });
    best = std::min(best, seconds);
    all += seconds;
  }
  return 2.0 * static_cast<double>(n * n * inner) / best;
}

void say_if_slow(at::ScalarType type) {
  if (type != at::kBFloat16) return;
  if (ops::widens_bf16()) {
    log_info(
        "train.precision bf16: this processor has no instructions for it; computed in fp32, it saves memory "
        "but no time");
    return;
  }
  const at::NoGradGuard no_grad;
  const auto seconds = [](at::ScalarType of) {
    const at::Tensor a = at::randn({256, 256}).to(of);
    double best = 1e30;
    for (int i = 0; i < 3; ++i)
      best = std::min(best, seconds_of([&] { ops::product(a, a); }));
    return best;
  };
  const double ratio = seconds(type) / seconds(at::kFloat);
  if (ratio >= 2.0) {
    log_warn(
        "train.precision bf16: a product takes {:.0f} times as long as in fp32 on this processor; use fp32",
        ratio);
  }
}

}  // namespace seqvit::cli
