#include "cli/timing.h"

#include <algorithm>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>

#include "core/clock.h"

namespace seqvit {

double seconds_of(const std::function<void()>& body) {
  const double start = seconds_now();
  body();
  return seconds_now() - start;
}

double matmul_rate(at::ScalarType type) {
  const at::NoGradGuard no_grad;
  const at::Tensor a = at::randn({4096, 1024}).to(type), b = at::randn({1024, 4096}).to(type);
  double best = 1e30;
  for (int i = 0; i < 6; ++i)
    best = std::min(best, seconds_of([&] { at::matmul(a, b); }));
  return 2.0 * 4096 * 1024 * 4096 / best;
}

}  // namespace seqvit
