#include "generate/galewsky.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/stack.h>
#include <gtest/gtest.h>

#include "generate/fields.h"
#include "generate/planet.h"

namespace seqvit::generate {
namespace {

using namespace testing;

// Sum over all waves of the squared vorticity, over that of the zonal mean.
double wave_share(const at::Tensor& state) {
  const at::Tensor vorticity = state.select(2, kVorticity);
  double waves = 0.0;
  for (int64_t m = 1; m < vorticity.size(0); ++m)
    waves += 2.0 * wave_power(vorticity, m);
  return waves / wave_power(vorticity, 0);
}

// The slope of the balanced surface, from the paper's formulas as they stand there.
double surface_slope(double latitude) {
  const double low = std::numbers::pi / 7.0, high = std::numbers::pi / 2.0 - low;
  if (latitude <= low || latitude >= high) return 0.0;
  const double peak = std::exp(-4.0 / ((high - low) * (high - low)));
  const double u = 80.0 / peak * std::exp(1.0 / ((latitude - low) * (latitude - high)));
  return -kRadius * u * (2.0 * kRotation * std::sin(latitude) + std::tan(latitude) / kRadius * u) / kGravity;
}

TEST(Galewsky, JetIsInBalanceWithTheQuadratureOfThePaper) {
  const Galewsky jet(127, 0.0);
  const at::Tensor depth = jet.transform.to_grid(jet.state).select(0, kDepth).select(1, 0);
  const std::vector<double>& latitude = jet.transform.grid().latitude;  // from north to south
  const double radian = std::numbers::pi / 180.0;
  double fall = 0.0, worst = 0.0;  // of the surface from the first row on
  for (size_t j = 1; j < latitude.size(); ++j) {
    constexpr int kPieces = 200;
    const double width = (latitude[j] - latitude[j - 1]) * radian / kPieces;
    for (int k = 0; k < kPieces; ++k)
      fall += surface_slope(latitude[j - 1] * radian + (k + 0.5) * width) * width;
    const double found = (depth[static_cast<int64_t>(j)] - depth[0]).item<double>();
    worst = std::max(worst, std::abs(found - fall));
  }
  EXPECT_GT(fall, 1000.0) << "the jet carries a step of more than a kilometre";
  EXPECT_LT(worst, 0.5);
}

TEST(Galewsky, WithoutABumpNothingHappens) {
  Galewsky jet(42, 0.0);
  const at::Tensor start = jet.state;
  jet.advance(1.0);
  EXPECT_LT(wave_share(jet.state), 1e-25);
  EXPECT_LT(largest(jet.state.select(2, kDivergence)), 1e-3 * largest(jet.state.select(2, kVorticity)));
}

TEST(Galewsky, JetRollsUpByDaySix) {
  Galewsky jet(long_tests() ? 85 : 42, 120.0);
  std::vector<double> shares;
  for (int day = 1; day <= 6; ++day) {
    jet.advance(1.0);
    shares.push_back(wave_share(jet.state));
  }
  const at::Tensor vorticity = jet.transform.to_grid(jet.state).select(0, kVorticity);
  // Growth by a steady factor a day, until the waves are as strong as the jet.
  for (int day = 1; day < 5; ++day) {
    EXPECT_GT(shares[day], 5.0 * shares[day - 1]) << "day " << day + 1;
    EXPECT_LT(shares[day], 12.0 * shares[day - 1]) << "day " << day + 1;
  }
  EXPECT_GT(shares[5], 0.3);
  // Vortices: each latitude of the jet now has both signs.
  const auto row = static_cast<int64_t>(jet.transform.rows() / 4);
  EXPECT_GT(vorticity[row].max().item<double>(), 5e-5);
  EXPECT_LT(vorticity[row].min().item<double>(), -2e-5);
}

}  // namespace
}  // namespace seqvit::generate
