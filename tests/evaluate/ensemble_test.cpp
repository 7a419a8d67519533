#include "evaluate/ensemble.h"

#include <cmath>

#include <gtest/gtest.h>

#include "evaluate/synthetic.h"
#include "evaluate/trajectory.h"

namespace seqvit::evaluate {
namespace {

using namespace testing;

grid::Grid globe(int64_t rows, int64_t columns) {
  grid::Grid grid;
  for (int64_t y = 0; y < rows; ++y)
    grid.latitude.push_back(-87.0 + 174.0 * static_cast<double>(y) / static_cast<double>(rows - 1));
  for (int64_t x = 0; x < columns; ++x)
    grid.longitude.push_back(360.0 * static_cast<double>(x) / static_cast<double>(columns));
  return grid;
}

std::vector<float> field(const Ensemble& ensemble, const grid::Grid& grid, Range rows, int64_t member) {
  std::vector<float> state(std::ssize(ensemble.unit) * rows.size() * grid.columns(), 0.0F);
  perturb(ensemble, grid, rows, 7200, member, state);
  return state;
}

TEST(Perturbation, IsOfTheSizeThatWasAskedForAndNoTwoMembersAreTheSame) {
  const grid::Grid grid = globe(12, 24);
  const Ensemble ensemble{200, 0.5, {4.0, 0.0}, 3};
  double squares = 0, sum = 0, neighbours = 0, product = 0;
  std::vector<float> last(2 * 12 * 24, 0.0F);
  for (int64_t m = 0; m < ensemble.members; ++m) {
    const std::vector<float> state = field(ensemble, grid, {0, 12}, m);
    for (int64_t i = 0; i < 12 * 24; ++i) {
      sum += state[i], squares += state[i] * state[i], product += state[i] * last[i];
      EXPECT_EQ(state[12 * 24 + i], 0.0F) << "a variable without a unit";
    }
    for (int64_t y = 0; y < 12;
         ++y)  // the last column and the first are neighbours; 15 degrees at 8 N: 1,650 km
      neighbours += state[y * 24] * state[y * 24 + 23];
    last = state;
  }
  const double count = 200.0 * 12 * 24;
  EXPECT_NEAR(std::sqrt(squares / count), 2.0, 0.1);
  EXPECT_NEAR(sum / count, 0.0, 0.1);
  EXPECT_NEAR(product / count, 0.0, 0.15) << "members in a row";
  EXPECT_GT(neighbours / (200.0 * 12), 1.0) << "smooth across the date line";
}

TEST(Perturbation, IsAFunctionOfThePlaceAlone) {
  const grid::Grid grid = globe(12, 24);
  const Ensemble ensemble{3, 0.5, {4.0, 1.0}, 3};
  const std::vector<float> whole = field(ensemble, grid, {0, 12}, 1), part = field(ensemble, grid, {5, 9}, 1);
  for (int64_t v = 0; v < 2; ++v) {
    for (int64_t i = 0; i < 4 * 24; ++i)
      EXPECT_EQ(part[v * 4 * 24 + i], whole[(v * 12 + 5) * 24 + i]);
  }
  EXPECT_NE(field(ensemble, grid, {0, 12}, 2), whole);
  Ensemble other = ensemble;
  other.seed = 4;
  EXPECT_NE(field(other, grid, {0, 12}, 1), whole);
}

TEST(Perturbation, GridsWithoutPlacesAndMissingPoints) {
  grid::Grid grid{{0, 1, 2, 3}, {0, 1, 2, 3, 4}, grid::GridKind::index};
  const Ensemble ensemble{2, 1.0, {1.0}, 3};
  std::vector<float> state(20, 1.0F);
  state[7] = NAN;
  perturb(ensemble, grid, {0, 4}, 0, 0, state);
  for (int64_t i = 0; i < 20; ++i) {
    EXPECT_EQ(std::isnan(state[i]), i == 7);
    if (i != 7) {
      EXPECT_NE(state[i], 1.0F);
    }
  }
}

TEST(EnsembleTrajectory, MembersOfATimeAreSideBySide) {
  TemporaryDirectory directory;
  Synthetic source;
  source.times = Synthetic::steps(20, 6.0);
  source.value = [](int64_t, int64_t t, int64_t, int64_t) { return static_cast<double>(100 * t); };
  write_synthetic(directory / "source.nc", source);
  const data::Dataset dataset({{directory / "source.nc"}, {"a"}});
  const std::vector<int64_t> initial = {3, 7};
  const auto trajectory = [&](std::span<const int64_t> times, const Ensemble& ensemble) {
    FunctionForecaster forecaster(dataset, [](std::span<float> state) {
      for (float& x : state)
        x += 1;
    });
    Trajectory of(dataset, forecaster, data::LeadTime::parse("6h"), times, ensemble);
    for (size_t b = 0; b < times.size(); ++b)
      EXPECT_EQ(of.initial()[b * 16], 100.0F * static_cast<float>(times[b])) << "as the data have them";
    const auto states = of.at(2);
    return std::vector<float>(states.begin(), states.end());
  };
  const auto same = trajectory(initial, {.members = 3});
  ASSERT_EQ(same.size(), 2U * 3 * 16);
  for (size_t i = 0; i < same.size(); ++i)
    EXPECT_EQ(same[i], i < 3 * 16 ? 302.0F : 702.0F);
  const Ensemble perturbed{3, 0.1, {5.0}, 1};
  const auto both = trajectory(initial, perturbed);
  const auto second = trajectory(std::span(initial).last(1), perturbed);
  EXPECT_TRUE(std::equal(second.begin(), second.end(), both.begin() + 3 * 16)) << "whatever the batch";
  for (int64_t m = 0; m < 3; ++m) {
    EXPECT_NEAR(both[m * 16 + 5], 302.0, 3.0);
    EXPECT_NE(both[m * 16 + 5], both[(m + 1) % 3 * 16 + 5]);
  }
}

/// A model that is given states before sees the same change in all of them, and so no false tendency.
TEST(EnsembleTrajectory, StatesBeforeAreChangedAsTheInitialOne) {
  TemporaryDirectory directory;
  Synthetic source;
  source.times = Synthetic::steps(20, 6.0);
  source.value = [](int64_t, int64_t t, int64_t, int64_t) { return static_cast<double>(4 * t); };
  write_synthetic(directory / "source.nc", source);
  const data::Dataset dataset({{directory / "source.nc"}, {"a"}});
  std::vector<float> changes;
  FunctionForecaster forecaster(dataset, [&](std::span<float> given) {
    changes.push_back(given[5] - given[16 + 5]);
    EXPECT_NE(given[5], std::round(given[5])) << "perturbed";
  });
  forecaster.known_history = 2;
  const std::vector<int64_t> initial = {3};
  Trajectory(dataset, forecaster, data::LeadTime::parse("6h"), initial, {3, 0.1, {5.0}, 1}).at(1);
  ASSERT_EQ(changes.size(), 3U);
  for (const float change : changes)
    EXPECT_NEAR(change, 4.0, 1e-5);
}

}  // namespace
}  // namespace seqvit::evaluate
