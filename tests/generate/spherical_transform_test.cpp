#include "generate/spherical_transform.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include "generate/fields.h"
#include "generate/planet.h"

namespace seqvit::generate {
namespace {

using namespace testing;

TEST(SphericalTransform, GridsOfTheUsualTruncations) {
  for (const auto& [truncation, columns] : {std::pair(31, 96), {42, 128}, {63, 192}, {85, 256}}) {
    const SphericalTransform transform(truncation, kRadius);
    EXPECT_EQ(transform.columns(), columns);
    EXPECT_EQ(transform.rows(), columns / 2);
  }
  const grid::Grid grid = SphericalTransform(42, kRadius).grid();
  EXPECT_NEAR(grid.latitude.front(), 87.8638, 1e-4);
  EXPECT_NEAR(grid.latitude.back(), -87.8638, 1e-4);
  EXPECT_TRUE(grid.periodic());
}

TEST(SphericalTransform, ThereAndBack) {
  for (const int64_t truncation : {5, 31, 42}) {
    const SphericalTransform transform(truncation, kRadius);
    const at::Tensor x = random_spectral(truncation, 3, 1);
    EXPECT_LT(largest(transform.to_spectral(transform.to_grid(x)) - x), 1e-12) << truncation;
  }
}

TEST(SphericalTransform, OneHarmonicOnTheGrid) {
  const SphericalTransform transform(10, kRadius);
  at::Tensor x = at::zeros_like(random_spectral(10, 1, 1));
  x[1][2][0] = c10::complex<double>(0.5, 0.25);
  const at::Tensor meridional = std::sqrt(7.5) * transform.sine() * transform.cosine();
  const at::Tensor expected = meridional * (transform.longitude().cos() - 0.5 * transform.longitude().sin());
  EXPECT_LT(largest(transform.to_grid(x).select(0, 0) - expected), 1e-14);
}

TEST(SphericalTransform, SolidRotation) {
  const SphericalTransform transform(10, kRadius);
  const at::Tensor vorticity = transform.to_spectral((transform.sine() * 2e-5).expand({1, 16, 32}));
  const at::Tensor wind = transform.wind(vorticity.select(2, 0), at::zeros_like(vorticity.select(2, 0)));
  // Vorticity 2 w sin(latitude) is wind w a cos(latitude).
  EXPECT_LT(largest(wind.select(0, 0) - 1e-5 * kRadius * transform.cosine().square()), 1e-12);
  EXPECT_LT(largest(wind.select(0, 1)), 1e-12);
}

TEST(SphericalTransform, WindHasItsVorticityAndDivergence) {
  const SphericalTransform transform(31, kRadius);
  const at::Tensor x = random_spectral(31, 2, 5);
  const at::Tensor wind = transform.wind(x.select(2, 0), x.select(2, 1));
  const at::Tensor u = wind.narrow(0, 0, 1), v = wind.narrow(0, 1, 1);
  EXPECT_LT(largest(transform.divergence(u, v) - x.narrow(2, 1, 1)), 1e-10);
  EXPECT_LT(largest(transform.divergence(v, -u) - x.narrow(2, 0, 1)), 1e-10);
}

TEST(SphericalTransform, LaplacianAndItsInverse) {
  const SphericalTransform transform(31, kRadius);
  const at::Tensor x = random_spectral(31, 1, 7);
  EXPECT_LT(largest(transform.inverse_laplacian(transform.laplacian(x)) - x), 1e-12);
  const double expected = -31.0 * 32.0 / (kRadius * kRadius);
  EXPECT_NEAR(largest(transform.laplacian(x)[4][31][0] / x[4][31][0]), -expected, 1e-20);
}

}  // namespace
}  // namespace seqvit::generate
