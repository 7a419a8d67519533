/// A gradient against the difference of two losses.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>

#include <gtest/gtest.h>

#include "core/tensor.h"
#include "parallel/param.h"

namespace seqvit::model {

/// Expects section.gradient[i] to be what `loss()` makes of a small step of that weight, up and down; `what`
/// names it. Returns whether it differs from zero.
template <typename Loss>
bool expect_gradient(parallel::Section& section, int64_t i, const Loss& loss, const std::string& what) {
  Tensor w = section.weight.detach();
  const double before = w[i].item<double>(), h = 1e-5;
  const at::NoGradGuard no_grad;
  w[i] = before + h;
  const double up = loss().template item<double>();
  w[i] = before - h;
  const double down = loss().template item<double>();
  w[i] = before;
  const double expected = (up - down) / (2 * h);
  EXPECT_NEAR(section.gradient[i].item<double>(), expected, 1e-6 * std::max(1.0, std::abs(expected))) << what;
  return std::abs(expected) > 1e-4;
}

}  // namespace seqvit::model
