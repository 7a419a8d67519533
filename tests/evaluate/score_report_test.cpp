#include "evaluate/score_report.h"

#include <algorithm>
#include <limits>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace seqvit::evaluate {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::vector<Score> some_scores() {
  std::vector<Score> scores;
  for (const double lead : {6.0, 730.5}) {
    scores.push_back({"air", lead, "global", "rmse", 1.7234, 2.1, kNaN, 1.5, 1.9, "K", 700});
    scores.push_back({"air", lead, "global", "acc", 0.98765, 0.9, kNaN, 0.9, 1.0, "K", 700});
    scores.push_back({"air", lead, "tropics", "rmse", 77.0, 2.1, kNaN, 1.5, 1.9, "K", 700});
  }
  return scores;
}

TEST(ScoreReport, JsonFollowsTheContractAndHasNullForNaN) {
  const nlohmann::json json = scores_to_json(some_scores(), {});
  const nlohmann::json& first = json.at("scores").at(0);
  for (const char* key :
       {"variable", "lead_hours", "region", "metric", "value", "persistence", "climatology", "low", "high"}) {
    EXPECT_TRUE(first.contains(key)) << key;
  }
  EXPECT_EQ(first.at("value"), 1.7234);
  EXPECT_TRUE(first.at("climatology").is_null());
  EXPECT_EQ(json.dump().find("nan"), std::string::npos);
}

TEST(ScoreReport, SpectraStandBesideTheScores) {
  const Spectrum spectrum{"air",
                          6.0,
                          "K",
                          {0, 1, 2, 3, 4, 5, 6, 7, 8},
                          {1, 90, 80, 70, 60, 50, 40, 30, 10},
                          {1, 90, 80, 70, 60, 50, 40, 6, 4},
                          12,
                          1.5};
  const nlohmann::json json = scores_to_json(some_scores(), {{spectrum}}).at("spectra").at(0);
  EXPECT_EQ(json.at("variable"), "air");
  EXPECT_EQ(json.at("wavenumber").size(), 9U);
  EXPECT_EQ(json.at("truth").at(8), 10.0);
  EXPECT_EQ(json.at("forecast").at(8), 4.0);
  EXPECT_EQ(json.at("small_scale_ratio"), 0.25);
  EXPECT_EQ(json.at("resolved"), 9);
  EXPECT_EQ(json.at("patch_edge_ratio"), 1.5);
  const std::string table = scores_table(some_scores(), {{spectrum}});
  const size_t second = table.find('\n') + 1, third = table.find('\n', second) + 1;
  EXPECT_TRUE(table.substr(second, third - second).ends_with(" 0.250        1.500\n")) << table;
  EXPECT_NE(table.find(" -\nclimatology -: training has no values"), std::string::npos) << table;
}

TEST(ScoreReport, TableHasALineALeadAndAlignedColumns) {
  const std::string table = scores_table(some_scores(), {});
  EXPECT_NE(table.find("1.723  [1.500, 1.900]        2.100            -"), std::string::npos) << table;
  EXPECT_NE(table.find("1 mon"), std::string::npos) << table;
  EXPECT_EQ(table.find("77"), std::string::npos) << "the whole grid only";
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 4);
  EXPECT_EQ(table.find('\n') + 1 + table.find('\n'), table.find('\n', table.find('\n') + 1))
      << "lines of one length";
  std::vector<Score> known = some_scores();
  for (Score& score : known)
    score.climatology = 3.0;
  EXPECT_EQ(scores_table(known, {}).find("climatology -"), std::string::npos);
}

}  // namespace
}  // namespace seqvit::evaluate
