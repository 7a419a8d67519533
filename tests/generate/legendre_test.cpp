#include "generate/legendre.h"

#include <cmath>

#include <gtest/gtest.h>

#include "grid/gaussian.h"

namespace seqvit::generate {
namespace {

TEST(Legendre, ClosedForms) {
  const double mu = 0.3, c2 = 1.0 - mu * mu;
  const auto p = legendre_functions(3, mu);
  EXPECT_NEAR(p[0].value[0], 1.0, 1e-15);
  EXPECT_NEAR(p[0].value[2], std::sqrt(5.0) * (3.0 * mu * mu - 1.0) / 2.0, 1e-14);
  EXPECT_NEAR(p[1].value[2], std::sqrt(7.5 * c2) * mu, 1e-14);
  EXPECT_NEAR(p[2].value[2], std::sqrt(15.0 / 8.0) * c2, 1e-14);
  EXPECT_NEAR(p[2].derivative[2], -2.0 * std::sqrt(15.0 / 8.0) * mu * c2, 1e-14);
  EXPECT_EQ(p[2].value[1], 0.0);
}

TEST(Legendre, FunctionsAreOrthonormal) {
  const int64_t truncation = 42;
  const grid::GaussianLatitudes gauss = grid::gaussian_latitudes(64);
  std::vector<std::vector<LegendreColumn>> p;
  for (const double mu : gauss.sine)
    p.push_back(legendre_functions(truncation, mu));
  for (const int64_t m : {0, 3, 41}) {
    for (int64_t a = m; a <= truncation; ++a) {
      for (int64_t b = m; b <= truncation; ++b) {
        double product = 0.0;
        for (size_t j = 0; j < p.size(); ++j)
          product += gauss.weight[j] * p[j][m].value[a] * p[j][m].value[b];
        ASSERT_NEAR(product, a == b ? 1.0 : 0.0, 1e-12) << "m " << m << ", n " << a << " and " << b;
      }
    }
  }
}

TEST(Legendre, DerivativeIsThatOfTheValue) {
  const double mu = -0.41, step = 1e-5;
  const auto here = legendre_functions(31, mu), above = legendre_functions(31, mu + step),
             below = legendre_functions(31, mu - step);
  for (int64_t m = 0; m <= 31; ++m) {
    for (int64_t n = m; n <= 31; ++n) {
      const double slope = (above[m].value[n] - below[m].value[n]) / (2.0 * step);
      ASSERT_NEAR(here[m].derivative[n], (1.0 - mu * mu) * slope, 1e-5) << m << " " << n;
    }
  }
}

}  // namespace
}  // namespace seqvit::generate
