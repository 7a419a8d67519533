#include "data/levels.h"

#include <gtest/gtest.h>

#include "data/dataset_fixture.h"

namespace seqvit::data {
namespace {

VariableInfo field(const std::string& name, const std::string& units = "K") {
  VariableInfo info;
  info.name = name, info.units = units, info.level = level_in_name(name);
  return info;
}

TEST(LevelInName, IsANumberBehindAnUnderscore) {
  const std::vector<std::tuple<std::string, std::string, double>> levels = {
      {"t_850", "t_", 850},
      {"t_s950", "t_s", 950},
      {"geopotential_500", "geopotential_", 500},
      {"q_pl5", "q_pl", 5}};
  for (const auto& [name, variable, value] : levels) {
    const auto level = level_in_name(name);
    ASSERT_TRUE(level) << name;
    EXPECT_EQ(level->variable, variable);
    EXPECT_EQ(level->value, value);
  }
  for (const char* name : {"u10", "t2m", "ps", "850", "_850", "t_", "t_lev850", "wind_10m", ""})
    EXPECT_FALSE(level_in_name(name)) << name;
  EXPECT_FALSE(level_in_name("t_" + std::string(400, '9'))) << "no number is so large";
}

TEST(GroupLevels, PutsNeighboursByValueTogether) {
  const std::vector<VariableInfo> fields = {field("t_500"), field("u_850"),  field("t_1000"), field("ps"),
                                            field("t_850"), field("u_1000"), field("t_s850")};
  EXPECT_EQ(group_levels(fields, 2, 1), (std::vector<int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8}));
  // t: 500 with 850, and 1000, the short one; statics stay alone.
  EXPECT_EQ(group_levels(fields, 2, 2), (std::vector<int64_t>{0, 1, 2, 3, 0, 1, 4, 5, 6}));
  EXPECT_EQ(group_levels(fields, 0, 9), (std::vector<int64_t>{0, 1, 0, 2, 0, 1, 3}));
}

TEST(GroupLevels, KeepsUnitsApartAndRefusesToDoNothing) {
  EXPECT_ERROR(group_levels({field("t_500"), field("t_850", "degC"), field("u10"), field("u850")}, 1, 2),
               Exit::usage, "model.patch_levels", "several levels", "set it to 1");
}

class Levels : public DatasetTest {};

TEST_F(Levels, OfTheLevelDimensionComeFirst) {
  GridFile file;
  file.levels = {850, 500, 1000};
  file.variables = {"air", "w_5"};
  const Dataset dataset(
      {{write("a.nc", file)}, {"w_5@850", "air@1000", "air@500", "air@850", "w_5@1000"}, {}});
  EXPECT_EQ(group_levels(dataset.variables(), 0, 2), (std::vector<int64_t>{0, 1, 2, 2, 0}));
  // One level says nothing of others: names do.
  file.levels = {500};
  file.variables = {"t_5", "t_7", "t"};
  const Dataset single({{write("b.nc", file)}, {}, {}});
  EXPECT_EQ(group_levels(single.variables(), 0, 2), (std::vector<int64_t>{0, 0, 1}));
}

TEST(LevelWeights, AreOnAverageOneOverTheLevelsOfAVariable) {
  const std::vector<VariableInfo> fields = {field("t_850"), field("t_500"), field("ps", "Pa"),
                                            field("u_500", "m s-1"), field("t_250")};
  const auto weights = level_weights(fields, {0, 1, 2, 3});
  ASSERT_EQ(weights.size(), 4U);
  EXPECT_DOUBLE_EQ(weights[0], 850.0 / 675.0);
  EXPECT_DOUBLE_EQ(weights[1], 500.0 / 675.0) << "t_250 is not a target";
  EXPECT_DOUBLE_EQ(weights[2], 1.0);
  EXPECT_DOUBLE_EQ(weights[3], 1.0) << "the only level of u";
  EXPECT_ERROR(level_weights(fields, {2}), Exit::usage, "train.level_weights", "none");
}

}  // namespace
}  // namespace seqvit::data
