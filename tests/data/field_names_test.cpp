#include "data/field_names.h"

#include <gtest/gtest.h>

#include "support/errors.h"

namespace seqvit::data {
namespace {

VariableInfo plain(const std::string& name) {
  return {name, {}, "K"};
}

VariableInfo at_level(const std::string& name, double level, const std::string& units = "hPa") {
  VariableInfo info = plain(name);
  info.level = VariableLevel{base_name(name), level};
  info.axis = std::make_shared<LevelAxis>(LevelAxis{"level", {{"units", units}}, {level}});
  return info;
}

std::vector<std::string> names_of(const std::vector<VariableInfo>& variables) {
  std::vector<std::string> names;
  for (const FieldName& field : field_names(variables))
    names.push_back(field.name + (field.on_levels ? " on levels" : ""));
  return names;
}

using Names = std::vector<std::string>;

TEST(FieldNames, AreOfLettersDigitsAndUnderscores) {
  EXPECT_EQ(cf_name("t@850.5"), "t_850_5");
  EXPECT_EQ(names_of({plain("2m-t"), plain("u10")}), (Names{"2m_t", "u10"}));
}

TEST(FieldNames, LevelsOfAVariableAreOneVariable) {
  EXPECT_EQ(names_of({at_level("t@850", 850), plain("ps"), at_level("t@500", 500)}),
            (Names{"t on levels", "ps", "t on levels"}));
  EXPECT_EQ(names_of({at_level("t@850", 850), plain("t_850")}), (Names{"t on levels", "t_850"}));
}

TEST(FieldNames, LevelsStandAloneBesideAFieldOfTheirName) {
  EXPECT_EQ(names_of({at_level("t@850", 850), plain("t")}), (Names{"t_850", "t"}));
  EXPECT_EQ(names_of({at_level("t@850", 850), at_level("t@2", 2, "m")}), (Names{"t_850", "t_2"}))
      << "two vertical coordinates";
}

TEST(FieldNames, ThatDifferInPunctuationOnlyAreRefused) {
  EXPECT_ERROR(field_names({plain("a.b"), plain("a_b")}), Exit::usage, "'a.b' and 'a_b'", "new_name");
  EXPECT_ERROR(field_names({at_level("t@850", 850), plain("t"), plain("t_850")}), Exit::usage, "'t_850'");
  EXPECT_NO_THROW(field_names({plain("a.b"), plain("ab")}));
}

TEST(FieldNames, OfCoordinatesAreRefused) {
  for (const char* name : {"time", "init_time", "lead-time", "number", "level", "latitude", "month"})
    EXPECT_ERROR(field_names({plain(name)}), Exit::usage, name, "a coordinate in forecasts", "new_name");
  EXPECT_NO_THROW(field_names({plain("levels"), plain("lead_times")}));
}

TEST(LevelNames, HaveAsManyDigitsAsTellThemApart) {
  EXPECT_EQ(level_names("t", {85000.0, 0.995}), (Names{"t@85000", "t@0.995"}));
  EXPECT_EQ(level_names("t", {5727.9170, 5727.9171}), (Names{"t@5727.917", "t@5727.9171"}));
  EXPECT_EQ(find_level({5727.9170, 5727.9171}, 5727.9171), 1);
  EXPECT_EQ(find_level({849.9999, 500}, 850), 0);
  EXPECT_EQ(find_level({850, 500}, 700), -1);
}

}  // namespace
}  // namespace seqvit::data
