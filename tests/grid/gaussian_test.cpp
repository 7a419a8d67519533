#include "grid/gaussian.h"

#include <cmath>

#include <gtest/gtest.h>

namespace seqvit::grid {
namespace {

TEST(Gaussian, SumsAreExactUpToTheirDegree) {
  for (const int64_t rows : {8, 64, 320}) {
    const GaussianLatitudes gauss = gaussian_latitudes(rows);
    for (int64_t power = 0; power < 2 * rows; power += power < 20 ? 1 : 37) {
      double mean = 0.0;
      for (int64_t j = 0; j < rows; ++j)
        mean += gauss.weight[j] * std::pow(gauss.sine[j], static_cast<double>(power));
      const double exact = power % 2 == 0 ? 1.0 / (static_cast<double>(power) + 1.0) : 0.0;
      EXPECT_NEAR(mean, exact, 1e-14) << rows << " rows, power " << power;
    }
  }
}

}  // namespace
}  // namespace seqvit::grid
