// The test cases of Williamson et al. (1992), with analytic solutions of their own: nothing here is computed
// by what is tested.
#include "generate/shallow_water.h"

#include <cmath>
#include <numbers>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/real.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include "generate/fields.h"
#include "generate/jet.h"
#include "generate/planet.h"

namespace seqvit::generate {
namespace {

using namespace testing;

at::Tensor flat(const SphericalTransform& transform) {
  const int64_t count = transform.truncation() + 1;
  return at::zeros({count, count}, at::dtype(at::kComplexDouble));
}

at::Tensor run(const ShallowWater& model, at::Tensor state, double days, double step) {
  const int64_t steps = std::llround(days * kDaySeconds / step);
  for (int64_t n = 0; n < steps; ++n)
    state = model.step(state, step);
  return state;
}

// Case 2: rotation of the whole layer about an axis that is tilted by `tilt` against the grid's, with the
// planet's rotation about the same axis. The depth is that of geostrophic balance, in closed form.
void expect_steady(int64_t truncation, double tilt) {
  const SphericalTransform transform(truncation, kRadius);
  const double speed = 2.0 * std::numbers::pi * kRadius / (12.0 * kDaySeconds);
  // sin of the latitude about the tilted axis
  const at::Tensor sine =
      transform.sine() * std::cos(tilt) - transform.longitude().cos() * transform.cosine() * std::sin(tilt);
  const at::Tensor vorticity = 2.0 * speed / kRadius * sine;
  const at::Tensor depth =
      (2.94e4 - (kRadius * kRotation * speed + speed * speed / 2.0) * sine.square()) / kGravity;
  const ShallowWater model(transform, 2.0 * kRotation * sine, flat(transform));
  const at::Tensor start = transform.to_spectral(at::stack({vorticity, at::zeros_like(vorticity), depth}));

  const at::Tensor end = transform.to_grid(run(model, start, 5.0, 1200.0));
  EXPECT_LT(relative_error(transform, end.select(0, kDepth) - depth, depth), 1e-6) << "tilt " << tilt;
  EXPECT_LT(largest(end.select(0, kDepth) - depth), 1e-3) << "tilt " << tilt;
  EXPECT_LT(relative_error(transform, end.select(0, kVorticity) - vorticity, vorticity), 1e-6);
}

TEST(ShallowWater, Case2IsSteadyAlongTheGrid) {
  expect_steady(21, 0.0);
}

TEST(ShallowWater, Case2IsSteadyAcrossTheGrid) {
  expect_steady(42, std::numbers::pi / 4.0);
}

// Case 6: a Rossby-Haurwitz wave of zonal wave number 4 with the depth that keeps its divergence at zero.
at::Tensor rossby_haurwitz(const SphericalTransform& transform) {
  constexpr double kOmega = 7.848e-6, kWave = 4.0, kMeanDepth = 8000.0;
  const double w = kOmega, k = kOmega, r = kWave, a2 = kRadius * kRadius;
  const at::Tensor c = transform.cosine(), c2 = c.square();
  const at::Tensor one = (r * transform.longitude()).cos(), two = (2.0 * r * transform.longitude()).cos();
  const at::Tensor power = c.pow(r), square = power.square();
  const at::Tensor vorticity =
      2.0 * w * transform.sine() - k * transform.sine() * power * (r * r + 3.0 * r + 2.0) * one;
  const at::Tensor a = w / 2.0 * (2.0 * kRotation + w) * c2 +
                       k * k / 4.0 * square * ((r + 1.0) * c2 + (2.0 * r * r - r - 2.0) - 2.0 * r * r / c2);
  const at::Tensor b = 2.0 * (kRotation + w) * k / ((r + 1.0) * (r + 2.0)) * power *
                       ((r * r + 2.0 * r + 2.0) - (r + 1.0) * (r + 1.0) * c2);
  const at::Tensor d = k * k / 4.0 * square * ((r + 1.0) * c2 - (r + 2.0));
  const at::Tensor depth = kMeanDepth + a2 / kGravity * (a + b * one + d * two);
  return transform.to_spectral(at::stack({vorticity, at::zeros_like(vorticity), depth}));
}

TEST(ShallowWater, Case6KeepsItsShapeAndTravels) {
  const int64_t truncation = long_tests() ? 42 : 31;
  const SphericalTransform transform(truncation, kRadius);
  const ShallowWater model(transform, coriolis_parameter(transform), flat(transform));
  const at::Tensor start = rossby_haurwitz(transform);
  const double days = long_tests() ? 14.0 : 5.0;
  const at::Tensor end = run(model, start, days, 600.0);

  const at::Tensor before = start.select(2, kVorticity), after = end.select(2, kVorticity);
  double whole = 0.0, others = 0.0;
  for (int64_t m = 1; m <= truncation; ++m) {
    whole += wave_power(after, m);
    if (m % 4 != 0) others += wave_power(after, m);
  }
  EXPECT_LT(others / whole, 1e-12) << "four equal waves";
  // The shape: what remains of the first field when the last one is turned back by the wave's own phase.
  const c10::complex<double> first = before[4][5].item<c10::complex<double>>(),
                             last = after[4][5].item<c10::complex<double>>();
  EXPECT_NEAR(std::abs(last) / std::abs(first), 1.0, 0.05);
  EXPECT_GT(wave_power(after, 4) / whole, 0.97);
  // It travels eastward, a little slower than the wave of the same shape in a layer of fixed depth.
  const double barotropic = (28.0 * 7.848e-6 - 2.0 * kRotation) / 30.0 * 4.0 * days * kDaySeconds;
  const double behind =
      std::arg(last / first * c10::complex<double>(std::cos(barotropic), std::sin(barotropic)));
  EXPECT_GT(behind, 0.03 * barotropic);
  EXPECT_LT(behind, 0.12 * barotropic);
}

double mean_depth(const at::Tensor& state) {
  return at::real(state[0][0][kDepth]).item<double>();
}

// Over mountains, with a strong and changing flow and something carried.
TEST(ShallowWater, MassEnergyAndEvenFieldsAreKept) {
  const SphericalTransform transform(31, kRadius);
  const at::Tensor mountain = jet_bump(transform, 0.6, 1.0, 1500.0);
  const ShallowWater model(transform, coriolis_parameter(transform), mountain);
  const at::Tensor vorticity = jet_vorticity(transform, {Jet{}});
  const at::Tensor depth = model.balanced_depth(vorticity, 1e4);
  at::Tensor even = at::zeros_like(depth);  // something carried that is the same everywhere
  even[0][0].fill_(7.0);
  const at::Tensor start = at::stack({vorticity, at::zeros_like(depth), depth, even}, 2);
  const auto energy = [&](const at::Tensor& state) {
    const at::Tensor wind = transform.wind(state.select(2, 0), state.select(2, 1)) / transform.cosine();
    const at::Tensor h = transform.to_grid(state).select(0, kDepth);
    const at::Tensor b = transform.to_grid(mountain.unsqueeze(2)).select(0, 0);
    const at::Tensor density = h * wind.square().sum(0) / 2.0 + kGravity * h * (h / 2.0 + b);
    return at::real(transform.to_spectral(density.unsqueeze(0))[0][0][0]).item<double>();
  };
  const at::Tensor end = run(model, start, 2.0, 900.0);
  EXPECT_GT(wave_power(end.select(2, kVorticity), 2) / wave_power(end.select(2, kVorticity), 0), 1e-4)
      << "something happens";
  EXPECT_NEAR(mean_depth(end) / mean_depth(start), 1.0, 1e-15);
  EXPECT_LT(largest(end.select(2, kCarried) - even), 1e-9);
  const double above_rest = energy(start) - kGravity * 1e8 / 2.0;
  EXPECT_NEAR(energy(end), energy(start), 1e-4 * above_rest);
}

TEST(ShallowWater, CarriedFieldFollowsTheFlow) {
  const SphericalTransform transform(21, kRadius);
  const ShallowWater model(transform, coriolis_parameter(transform), flat(transform));
  // Solid rotation turns any field about the axis: by a quarter in 3 days.
  const double rate = std::numbers::pi / 2.0 / (3.0 * kDaySeconds);
  const at::Tensor vorticity =
      transform.to_spectral((2.0 * rate * transform.sine()).expand({1, 32, 64})).select(2, 0);
  const at::Tensor depth = model.balanced_depth(vorticity, 1e4);
  const at::Tensor carried = jet_bump(transform, 0.5, 1.0, 10.0),
                   expected = jet_bump(transform, 0.5, 1.0 + std::numbers::pi / 2.0, 10.0);
  const at::Tensor start = at::stack({vorticity, at::zeros_like(depth), depth, carried}, 2);
  const at::Tensor end = run(model, start, 3.0, 1200.0);
  EXPECT_LT(largest(end.select(2, kCarried) - expected), 1e-6 * largest(expected));
  EXPECT_GT(largest(carried - expected), 0.1 * largest(expected));
}

}  // namespace
}  // namespace seqvit::generate
