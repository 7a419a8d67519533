#include "generate/atmosphere.h"

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/real.h>
#include <gtest/gtest.h>

#include "generate/fields.h"
#include "generate/planet.h"

namespace seqvit::generate {
namespace {

using namespace testing;

double mean_depth(const Atmosphere& atmosphere) {
  return at::real(atmosphere.state()[0][0][kDepth]).item<double>();
}

TEST(Atmosphere, SameSeedSameBits) {
  Atmosphere first(15, 4, 0.0), second(15, 4, 0.0), other(15, 5, 0.0);
  for (Atmosphere* a : {&first, &second, &other})
    a->advance(kDaySeconds);
  EXPECT_TRUE(at::equal(first.state(), second.state()));
  EXPECT_TRUE(at::equal(first.fields(), second.fields()));
  EXPECT_FALSE(at::equal(first.state(), other.state()));
  EXPECT_FALSE(at::equal(first.surface_fields(), other.surface_fields()));
}

TEST(Atmosphere, PartsAreOtherWeatherOnTheSamePlanet) {
  Atmosphere first(15, 4, 0.0), same(15, 4, 0.0, 0), other(15, 4, 0.0, 1), third(15, 4, 0.0, 2);
  EXPECT_TRUE(at::equal(first.state(), same.state()));
  EXPECT_FALSE(at::equal(first.state(), other.state()));
  EXPECT_FALSE(at::equal(third.state(), other.state()));
  EXPECT_TRUE(at::equal(first.surface_fields(), other.surface_fields()));
  // The jets are the climate's: only the bumps on them differ, which are no vorticity.
  EXPECT_TRUE(at::equal(first.state().select(2, kVorticity), other.state().select(2, kVorticity)));
}

TEST(Atmosphere, MassIsKept) {
  Atmosphere atmosphere(21, 1, 0.0);
  const double before = mean_depth(atmosphere);
  atmosphere.advance(3.0 * kDaySeconds);
  EXPECT_NEAR(mean_depth(atmosphere) / before, 1.0, 1e-14);
}

TEST(Atmosphere, FieldsAgreeWithOneAnother) {
  Atmosphere atmosphere(21, 1, -kDaySeconds);
  atmosphere.advance(kDaySeconds);
  EXPECT_EQ(atmosphere.time(), 0.0);
  const at::Tensor fields = atmosphere.fields();
  ASSERT_EQ(fields.size(0), static_cast<int64_t>(atmosphere_channels().size()));
  const SphericalTransform transform(21, kRadius);
  const at::Tensor wind = fields.narrow(0, 1, 2).to(at::kDouble) * transform.cosine();
  const at::Tensor u = wind.narrow(0, 0, 1), v = wind.narrow(0, 1, 1);
  const at::Tensor vorticity = transform.to_grid(transform.divergence(v, -u)).select(0, 0);
  const at::Tensor divergence = transform.to_grid(transform.divergence(u, v)).select(0, 0);
  EXPECT_LT(largest(vorticity - fields[3]), 1e-4 * largest(fields[3]));
  EXPECT_LT(largest(divergence - fields[4]), 1e-4 * largest(fields[3]));
  EXPECT_GE(fields[6].min().item<float>(), 0.0f);
  EXPECT_GE(fields[7].min().item<float>(), 0.0f);
  EXPECT_GT(fields[7].max().item<float>(), 0.0f);
  const at::Tensor depth = transform.to_grid(atmosphere.state()).select(0, kDepth);
  EXPECT_LT(largest(fields[0] - atmosphere.surface_fields()[0] - depth), 1e-2) << "h stands on the ground";
}

TEST(Atmosphere, EndlessWeather) {
  if (!long_tests()) GTEST_SKIP() << "set SEQVIT_LONG_TESTS";
  Atmosphere atmosphere(31, 1, -60.0 * kDaySeconds);
  const double before = mean_depth(atmosphere);
  atmosphere.advance(60.0 * kDaySeconds);
  // Two months of daily temperatures: how they differ from the mean, and from those of the day before.
  double variance[2] = {0.0, 0.0}, change = 0.0;
  for (int month = 0; month < 2; ++month) {
    at::Tensor sum, squares, previous;
    for (int day = 0; day < 30; ++day) {
      atmosphere.advance(kDaySeconds);
      const at::Tensor t = atmosphere.fields()[5].to(at::kDouble);
      sum = day == 0 ? t : sum + t;
      squares = day == 0 ? t.square() : squares + t.square();
      if (day > 0) change += (t - previous).square().mean().item<double>() / 58.0;
      previous = t;
    }
    variance[month] = (squares / 30.0 - (sum / 30.0).square()).mean().item<double>();
  }
  EXPECT_GT(variance[0], 1.0);
  EXPECT_NEAR(std::log(variance[1] / variance[0]), 0.0, 0.7) << "steady";
  EXPECT_GT(change, 0.2 * variance[0]) << "weather changes from day to day";
  EXPECT_NEAR(mean_depth(atmosphere) / before, 1.0, 1e-13);
}

}  // namespace
}  // namespace seqvit::generate
