#include "evaluate/trajectory.h"

#include <cmath>

#include <gtest/gtest.h>

#include "evaluate/rollout_plan.h"
#include "evaluate/synthetic.h"
#include "support/errors.h"

namespace seqvit::evaluate {
namespace {

using namespace testing;

class TrajectoryTest : public ::testing::Test {
 protected:
  TrajectoryTest() {
    Synthetic source;
    source.times = Synthetic::steps(20, 6.0);
    source.value = [](int64_t, int64_t t, int64_t, int64_t) { return static_cast<double>(100 * t); };
    write_synthetic(directory_ / "source.nc", source);
    dataset_ = std::make_unique<data::Dataset>(data::DatasetOptions{{directory_ / "source.nc"}, {"a"}});
  }

  /// The strides of the calls that lead to `leads`, and from which step each goes.
  std::vector<std::pair<int64_t, int64_t>> calls_to(std::vector<int64_t> strides,
                                                    const std::vector<int64_t>& leads) {
    FunctionForecaster forecaster(*dataset_, [](std::span<float> state) { state[0] += 1; });
    forecaster.known_strides = std::move(strides);
    const std::vector<int64_t> initial = {3, 7};
    Trajectory trajectory(*dataset_, forecaster, data::LeadTime::parse("6h"), initial);
    for (const int64_t lead : leads) {
      const std::span<const float> found = trajectory.at(lead);
      EXPECT_EQ(found[0], static_cast<float>(300 + lead));
      EXPECT_EQ(found[found.size() / 2], static_cast<float>(700 + lead));
    }
    EXPECT_EQ(trajectory.initial()[0], 300.0F);
    std::vector<std::pair<int64_t, int64_t>> calls;
    for (const auto& [time, stride] : forecaster.calls)
      calls.emplace_back((time - dataset_->times()[3]) / (6 * 3600), stride);
    return calls;
  }

  TemporaryDirectory directory_;
  std::unique_ptr<data::Dataset> dataset_;
};

using Calls = std::vector<std::pair<int64_t, int64_t>>;

TEST_F(TrajectoryTest, OneStrideGoesStepByStep) {
  EXPECT_EQ(calls_to({1}, {1, 3, 3, 4}), (Calls{{0, 1}, {1, 1}, {2, 1}, {3, 1}}));
}

TEST_F(TrajectoryTest, LongStridesFirstAndTheirStatesAreShared) {
  EXPECT_EQ(calls_to({1, 2, 4}, {1, 2, 3, 4}), (Calls{{0, 1}, {0, 2}, {0, 2}, {2, 1}, {0, 4}}));
  EXPECT_EQ(calls_to({1, 2, 4}, {11, 12}), (Calls{{0, 4}, {4, 4}, {8, 2}, {10, 1}, {8, 4}}));
}

TEST_F(TrajectoryTest, NoNumberThatIsNoneLeavesIt) {
  const std::vector<int64_t> initial = {3, 7};
  for (const float bad : {NAN, INFINITY}) {
    int64_t calls = 0;
    // The third call of a step of two states: the first state's second step.
    const auto spoil = [&](std::span<float> state) {
      if (++calls == 3) state[6] = bad;
    };
    FunctionForecaster forecaster(*dataset_, spoil);
    Trajectory trajectory(*dataset_, forecaster, data::LeadTime::parse("6h"), initial);
    trajectory.at(1);
    EXPECT_ERROR(trajectory.at(2), Exit::not_finite, "a: expected a finite forecast from 2000-01-01T18:00:00",
                 "lead time of 12h", "latitude 30, longitude 180", bad > 0 ? "found inf" : "found nan");

    calls = 0;
    Meeting alone(1);
    std::vector<float> owned(16, 1.0F);
    owned[6] = 0.0F;  // another rank answers for it
    SlabForecaster of_rank(*dataset_, spoil, alone, 0, {0, 4}, owned);
    Trajectory other(*dataset_, of_rank, data::LeadTime::parse("6h"), initial);
    EXPECT_NO_THROW(other.at(2));
  }
}

/// a is the state, f a forcing that is 1000 more than a was.
TEST_F(TrajectoryTest, ForcingsAreThoseOfEachStep) {
  Synthetic source;
  source.variables = {"a", "f"};
  source.times = Synthetic::steps(6, 6);
  source.value = [](int64_t v, int64_t t, int64_t, int64_t) { return static_cast<double>(1000 * v + t); };
  write_synthetic(directory_ / "forced.nc", source);
  data::DatasetOptions options{{directory_ / "forced.nc"}, {"a"}};
  options.forcings = {"f"};
  const data::Dataset dataset(options);
  std::vector<float> seen;
  FunctionForecaster forecaster(dataset, [&](std::span<float> state) {
    seen.push_back(state[16]);
    state[0] += 10;
  });
  const std::vector<int64_t> initial = {2};
  Trajectory trajectory(dataset, forecaster, data::LeadTime::parse("6h"), initial);
  EXPECT_EQ(trajectory.at(3)[0], 32.0F);
  EXPECT_EQ(seen, (std::vector<float>{1002, 1003, 1004}));
  trajectory.at(5);
  EXPECT_EQ(seen[3], 1005.0F);
  EXPECT_TRUE(std::isnan(seen[4])) << "beyond the file";
  EXPECT_EQ(missing_step(dataset, data::LeadTime::parse("6h"), 1, 2, 4), std::nullopt);
  EXPECT_EQ(missing_step(dataset, data::LeadTime::parse("6h"), 1, 2, 5), 4);
  const RolloutPlan plan =
      make_rollout_plan(dataset, data::LeadTime::parse("6h"), {0, 6}, {data::LeadTime::parse("12h")}, 1, 3);
  EXPECT_EQ(plan.initial_times, (std::vector<int64_t>{2, 3})) << "two states before, one time after";
}

TEST_F(TrajectoryTest, StatesBeforeAreThoseOfTheForecast) {
  std::vector<std::vector<float>> seen;
  FunctionForecaster forecaster(*dataset_, [&](std::span<float> states) {
    seen.push_back({states[0], states[16], states[32]});
    states[0] += 1;
  });
  forecaster.known_history = 3;
  const std::vector<int64_t> initial = {4};
  Trajectory trajectory(*dataset_, forecaster, data::LeadTime::parse("6h"), initial);
  EXPECT_EQ(trajectory.at(3)[0], 403.0F);
  EXPECT_EQ(seen, (std::vector<std::vector<float>>{{400, 300, 200}, {401, 400, 300}, {402, 401, 400}}));
  EXPECT_EQ(missing_step(*dataset_, data::LeadTime::parse("6h"), 3, 1, 1), -2);
}

TEST_F(TrajectoryTest, APlanSaysWhyThereIsNoForecastToScore) {
  EXPECT_ERROR(
      make_rollout_plan(*dataset_, data::LeadTime::parse("6h"), {0, 2}, {data::LeadTime::parse("6h")}, 1, 9),
      Exit::usage, "data.history", "longer period");
}

}  // namespace
}  // namespace seqvit::evaluate
