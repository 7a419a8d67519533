#include "generate/galewsky.h"

#include <cmath>
#include <numbers>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "generate/jet.h"
#include "generate/planet.h"

namespace seqvit::generate::testing {

Galewsky::Galewsky(int64_t truncation, double bump)
    : transform(truncation, kRadius),
      model(transform, coriolis_parameter(transform),
            at::zeros({truncation + 1, truncation + 1}, at::dtype(at::kComplexDouble))) {
  const at::Tensor vorticity = jet_vorticity(transform, {Jet{}});
  const at::Tensor depth = model.balanced_depth(vorticity, 1e4) +
                           jet_bump(transform, std::numbers::pi / 4.0, std::numbers::pi, bump);
  state = at::stack({vorticity, at::zeros_like(vorticity), depth}, 2);
}

void Galewsky::advance(double days) {
  const double seconds = days * kDaySeconds, steps = std::ceil(seconds / model.stable_step(1.1e4, 90.0));
  const at::Tensor n = transform.degree();
  const at::Tensor wind = (n * (n + 1.0) * (-1e5 * seconds / steps / (kRadius * kRadius))).exp();
  const at::Tensor decay = at::cat({wind, wind, at::ones_like(wind)}, 2);
  for (double k = 0.0; k < steps; ++k)
    state = model.step(state, seconds / steps) * decay;
}

}  // namespace seqvit::generate::testing
