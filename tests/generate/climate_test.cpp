#include "generate/climate.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/real.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include "generate/fields.h"
#include "generate/planet.h"

namespace seqvit::generate {
namespace {

using namespace testing;

struct Planet {
  SphericalTransform transform{21, kRadius};
  Surface surface = make_surface(transform, 3);
  ShallowWater model{transform, coriolis_parameter(transform), surface.orography};
  Climate climate{model, surface, 3};
  at::Tensor rain = at::zeros_like(surface.land);

  double mean(const at::Tensor& grid) const {
    return at::real(transform.to_spectral(grid.unsqueeze(0))[0][0][0]).item<double>();
  }
  at::Tensor moisture(const at::Tensor& state) const { return transform.to_grid(state).select(0, kMoisture); }
};

TEST(Climate, SaturationOfTables) {
  const at::Tensor q = saturation(at::tensor({273.15, 288.15, 303.15}, at::dtype(at::kDouble)));
  // Saturation pressures of 6.11, 17.04 and 42.43 hPa.
  EXPECT_NEAR(q[0].item<double>(), 0.622 * 6.11e-3, 1e-5);
  EXPECT_NEAR(q[1].item<double>(), 0.622 * 17.04e-3, 2e-5);
  EXPECT_NEAR(q[2].item<double>(), 0.622 * 42.43e-3, 1e-4);
}

TEST(Climate, WaterThatLeavesTheAirIsThePrecipitation) {
  Planet p;
  at::Tensor state = p.climate.initial_state(0.0);
  state.select(2, kMoisture).zero_();
  state[0][0][kMoisture].fill_(0.05);  // above saturation everywhere, so nothing evaporates
  const at::Tensor after = p.climate.force(state, 0.0, 600.0, p.rain);
  const double lost = p.mean(p.moisture(state) - p.moisture(after));
  EXPECT_GT(p.rain.min().item<double>(), 0.0);
  EXPECT_NEAR(2500.0 * lost / p.mean(p.rain), 1.0, 1e-10);
}

TEST(Climate, DryAirTakesWaterFromTheSeaOnly) {
  Planet p;
  at::Tensor state = p.climate.initial_state(0.0);
  state.select(2, kMoisture).zero_();
  const at::Tensor gain = p.moisture(p.climate.force(state, 0.0, 600.0, p.rain));
  EXPECT_EQ(largest(p.rain), 0.0);
  const double land = p.mean(p.surface.land), over_land = p.mean(gain * p.surface.land) / land;
  const double over_sea = p.mean(gain * (1.0 - p.surface.land)) / (1.0 - land);
  EXPECT_GT(land, 0.05);
  EXPECT_GT(over_sea, 1e-6);
  EXPECT_LT(std::abs(over_land), 0.1 * over_sea) << "but for what the truncation smears over the coast";
}

TEST(Climate, WinterIsColdAndItsJetStrong) {
  Planet p;
  const double january = 15.0 * kDaySeconds, july = 197.0 * kDaySeconds;
  const auto north = [&](double time, int64_t field) {
    const at::Tensor state = p.climate.initial_state(time);
    const at::Tensor grid = field < 0 ? p.transform.wind(state.select(2, 0), state.select(2, 1)).select(0, 0)
                                      : p.transform.to_grid(state).select(0, field);
    return grid.narrow(0, 0, p.transform.rows() / 2);
  };
  EXPECT_LT(north(january, kTemperature).mean().item<double>() + 4.0,
            north(july, kTemperature).mean().item<double>());
  EXPECT_GT(north(january, -1).max().item<double>(), 1.2 * north(july, -1).max().item<double>());
}

TEST(Climate, ForcingDrawsTheFlowToTheJetsAndKeepsTheMass) {
  Planet p;
  const at::Tensor jets = p.climate.initial_state(0.0);
  at::Tensor state = jets.clone();
  state.narrow(2, 0, 3).mul_(0.5);
  const at::Tensor after = p.climate.force(state, 0.0, 3.0 * kDaySeconds, p.rain);
  const auto left = [&](const at::Tensor& x, int64_t field) {
    return std::sqrt(wave_power((x - jets).select(2, field).narrow(1, 1, 8), 0));
  };
  EXPECT_LT(left(after, kVorticity), 0.75 * left(state, kVorticity));
  EXPECT_LT(left(after, kDepth), 0.75 * left(state, kDepth));
  EXPECT_GT(left(after, kDepth), 0.4 * left(state, kDepth));
  EXPECT_EQ(at::real(after[0][0][kDepth]).item<double>(), at::real(state[0][0][kDepth]).item<double>());
}

}  // namespace
}  // namespace seqvit::generate
