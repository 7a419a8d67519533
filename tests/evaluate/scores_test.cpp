#include "evaluate/scores.h"

#include <cmath>
#include <limits>
#include <map>

#include <gtest/gtest.h>

namespace seqvit::evaluate {
namespace {

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();

// Latitudes 60 and 0: weights 0.5 and 1 over their mean 0.75, that is 2/3 and 4/3.
const grid::Grid kGrid{{60, 0}, {0, 180}};

std::map<std::string, Score> scores_of(const std::vector<std::vector<float>>& forecasts,
                                       const std::vector<std::vector<float>>& truths,
                                       const std::vector<std::vector<float>>& persistences,
                                       const std::vector<std::vector<float>>& climatologies) {
  const ErrorSums errors(kGrid, {{"global"}});
  std::vector<StepSums> steps;
  for (size_t i = 0; i < forecasts.size(); ++i) {
    std::vector<double> sums(errors.size(), 0.0);
    errors.add({forecasts[i], truths[i], persistences[i], climatologies[i]}, {0, 2}, sums);
    steps.push_back(errors.total(sums, 0));
  }
  const auto length = static_cast<int64_t>(steps.size());
  std::map<std::string, Score> scores;
  for (const Score& score : compute_scores({.variable = "a"}, steps, Bootstrap(length, 1, 0)))
    scores[score.metric] = score;
  return scores;
}

TEST(Scores, MatchesNumbersWorkedOutByHand) {
  // Errors of the forecast: 3, 0 | 0, 3 at the first step, all 1 at the second.
  auto s = scores_of({{4, 2, 3, 7}, {1, 1, 1, 1}}, {{1, 2, 3, 4}, {0, 0, 0, 0}}, {{1, 2, 3, 6}, {2, 2, 2, 2}},
                     {{0, 0, 0, 0}, {-1, -1, -1, -1}});
  // Mean squares: (2/3 * 9 + 4/3 * 9) / 4 = 4.5, then 1.
  EXPECT_DOUBLE_EQ(s["rmse"].value, std::sqrt((4.5 + 1.0) / 2));
  EXPECT_DOUBLE_EQ(s["rmse_per_step"].value, (std::sqrt(4.5) + 1.0) / 2);
  EXPECT_DOUBLE_EQ(s["mae"].value, ((2.0 / 3 * 3 + 4.0 / 3 * 3) / 4 + 1.0) / 2);
  EXPECT_DOUBLE_EQ(s["bias"].value, (1.5 + 1.0) / 2);
  // Persistence is wrong by 2 at the last point, then by 2 everywhere.
  const double persistence_mse = (4.0 / 3 * 4 / 4 + 4.0) / 2;
  EXPECT_DOUBLE_EQ(s["rmse"].persistence, std::sqrt(persistence_mse));
  EXPECT_DOUBLE_EQ(s["skill_persistence"].value, 1.0 - 2.75 / persistence_mse);
  EXPECT_DOUBLE_EQ(s["skill_persistence"].persistence, 0.0);
  // Climatology misses by the truth, then by 1.
  const double climatology_mse = ((2.0 / 3 * (1 + 4) + 4.0 / 3 * (9 + 16)) / 4 + 1.0) / 2;
  EXPECT_DOUBLE_EQ(s["rmse"].climatology, std::sqrt(climatology_mse));
  EXPECT_DOUBLE_EQ(s["skill_climatology"].value, 1.0 - 2.75 / climatology_mse);
  EXPECT_DOUBLE_EQ(s["skill_persistence"].climatology, 1.0 - climatology_mse / persistence_mse);
  EXPECT_DOUBLE_EQ(s["bias"].climatology, (-(2.0 / 3 * 3 + 4.0 / 3 * 7) / 4 - 1.0) / 2);
  const double product = 2.0 / 3 * (4 * 1 + 2 * 2) + 4.0 / 3 * (3 * 3 + 7 * 4);
  const double model = 2.0 / 3 * (16 + 4) + 4.0 / 3 * (9 + 49), truth = 2.0 / 3 * 5 + 4.0 / 3 * 25;
  EXPECT_DOUBLE_EQ(s["acc"].value, (product / std::sqrt(model * truth) + 1.0) / 2);
  EXPECT_TRUE(std::isnan(s["acc"].climatology));
  EXPECT_EQ(s["rmse"].initial_times, 2);
  EXPECT_TRUE(std::isnan(s["rmse"].low)) << "two initial times are too few for an interval";
}

TEST(Scores, LeavesOutPointsThatAreMissingAnywhere) {
  auto s = scores_of({{kMissing, 2, 3, 9}}, {{1, kMissing, 3, 4}}, {{1, 2, 3, 5}}, {{0, 0, 0, 0}});
  EXPECT_DOUBLE_EQ(s["bias"].value, 2.5) << "of the last two points only";
  EXPECT_DOUBLE_EQ(s["bias"].persistence, 0.5);
  s = scores_of({{9, 9, 3, 9}}, {{1, 1, 3, 4}}, {{kMissing, kMissing, 3, 5}}, {{0, 0, 0, 0}});
  EXPECT_DOUBLE_EQ(s["bias"].value, 2.5) << "the model is scored where persistence is there";
  s = scores_of({{std::numeric_limits<float>::infinity(), 1, 1, 1}}, {{1, 1, 1, 1}}, {{1, 1, 1, 1}},
                {{0, 0, 0, 0}});
  EXPECT_DOUBLE_EQ(s["rmse"].value, 0.0) << "an infinite forecast counts as missing";
}

TEST(Scores, AStepWithoutValidPointIsNoStep) {
  auto s = scores_of({{1, 1, 1, 1}, {5, 5, 5, 5}}, {{0, 0, 0, 0}, {kMissing, kMissing, kMissing, kMissing}},
                     {{0, 0, 0, 0}, {0, 0, 0, 0}}, {{2, 2, 2, 2}, {2, 2, 2, 2}});
  EXPECT_DOUBLE_EQ(s["rmse"].value, 1.0);
  EXPECT_EQ(s["rmse"].initial_times, 1);
}

TEST(Scores, MissingClimatologyDoesNotTouchTheRest) {
  auto s = scores_of({{1, 1, 1, 5}}, {{0, 0, 0, 0}}, {{2, 2, 2, 2}}, {{3, 3, 3, kMissing}});
  const double mse = (2.0 / 3 * 2 + 4.0 / 3 * (1 + 25)) / 4;
  EXPECT_DOUBLE_EQ(s["rmse"].value, std::sqrt(mse)) << "all four points";
  EXPECT_DOUBLE_EQ(s["skill_persistence"].value, 1 - mse / 4);
  EXPECT_TRUE(std::isnan(s["rmse"].climatology)) << "would be over other points than the model's";
  EXPECT_DOUBLE_EQ(s["skill_climatology"].value, 1 - 1.0 / 9)
      << "model and climatology over the same three points";
  EXPECT_DOUBLE_EQ(s["skill_climatology"].persistence, 1 - 4.0 / 9);
}

TEST(Scores, NothingValidIsNaN) {
  const std::vector<float> none(4, kMissing), some(4, 1.0f);
  for (const auto& [metric, score] : scores_of({some}, {none}, {some}, {some})) {
    EXPECT_TRUE(std::isnan(score.value)) << metric;
    EXPECT_EQ(score.initial_times, 0);
  }
}

TEST(Scores, IntervalHoldsTheValueAndShrinksWithLength) {
  double width[2];
  for (int i = 0; i < 2; ++i) {
    std::vector<std::vector<float>> forecasts, zeros;
    for (int t = 0; t < (i == 0 ? 40 : 640); ++t) {
      forecasts.emplace_back(4, static_cast<float>(std::sin(1.7 * t) + 2));
      zeros.emplace_back(4, 0.0f);
    }
    const Score rmse = scores_of(forecasts, zeros, zeros, zeros)["rmse"];
    EXPECT_LT(rmse.low, rmse.value);
    EXPECT_GT(rmse.high, rmse.value);
    width[i] = rmse.high - rmse.low;
  }
  EXPECT_NEAR(width[0] / width[1], 4.0, 1.2);
}

}  // namespace
}  // namespace seqvit::evaluate
