#include "draw/style.h"

#include <gtest/gtest.h>

#include "draw/markup_check.h"
#include "draw/scene.h"

namespace seqvit::draw {
namespace {

TEST(Style, EveryRoleHasItsRule) {
  const std::string sheet = style_sheet();
  for (int i = 0; i <= static_cast<int>(Role::subtitle); ++i) {
    const Style& style = style_of(static_cast<Role>(i));
    EXPECT_GE(occurrences(sheet, std::string("\n.") + style.name + " {"), 1) << style.name;
    EXPECT_TRUE(style.fill != Ink::none || style.stroke != Ink::none) << style.name;
  }
  EXPECT_STREQ(style_of(Role::coast).name, "coast");
  EXPECT_STREQ(style_of(Role::tick).name, "tick");
  EXPECT_STREQ(style_of(Role::subtitle).name, "subtitle");
}

TEST(Style, EveryColourThatARuleNamesIsGivenForLightAndDark) {
  const std::string sheet = style_sheet();
  for (const char* name : {"card", "ink", "soft", "grid", "s1", "s2", "s3"}) {
    EXPECT_EQ(occurrences(sheet, std::string("--") + name + ": #"), 2) << name;
    EXPECT_GT(occurrences(sheet, std::string("var(--") + name + ")"), 0) << name;
  }
  EXPECT_NE(sheet.find("--ink: " + hex(colour_of(Ink::ink, 0))), std::string::npos)
      << "a PNG's ink is the page's";
}

TEST(Scene, TextsAreCutBetweenCharacters) {
  EXPECT_EQ(fitted("air", Role::tick, 100), "air");
  EXPECT_EQ(fitted("a long name", Role::tick, text_width(Role::tick, "a long...")), "a long...");
  EXPECT_EQ(fitted("\u00e4\u00f6\u00fc\u00df\u00e4\u00f6\u00fc", Role::tick, text_width(Role::tick, "12345")),
            "\u00e4\u00f6...");
  EXPECT_EQ(fitted("name", Role::tick, 0), "...");
  EXPECT_EQ(text_width(Role::tick, "\u00b0"), text_width(Role::tick, "x"));
}

}  // namespace
}  // namespace seqvit::draw
