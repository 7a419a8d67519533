#include "draw/svg.h"

#include <gtest/gtest.h>

#include "draw/markup_check.h"

namespace seqvit::draw {
namespace {

std::string svg_of(std::vector<Item> items) {
  return svg({.width = 40,
              .height = 20,
              .items = std::move(items),
              .id = "a",
              .title = "T <1>",
              .description = "D & E"})
      .str();
}

TEST(Svg, SaysWhatItShows) {
  const std::string text = svg_of({});
  EXPECT_EQ(markup_problem(text), "");
  for (const char* part :
       {"viewBox=\"0 0 40 20\"", "role=\"img\"", "aria-labelledby=\"a-title a-desc\"",
        "<title id=\"a-title\">T &lt;1&gt;</title>", "<desc id=\"a-desc\">D &amp; E</desc>"})
    EXPECT_NE(text.find(part), std::string::npos) << part;
}

TEST(Svg, ItemsHaveClassesForTheirRolesAndTitlesForHovering) {
  const std::string text =
      svg_of({Disc{{Role::dot, 2}, {3, 4}, 5, "one <2>"}, Rectangle{{Role::frame}, {1, 2, 3, 4}},
              Text{Role::row, {1, 2}, Anchor::end, "<b>", "whole"},
              Path{{Role::line, 1}, {{{0, 0}, {1, 1}}, {{2, 2}, {3, 3}}}},
              Path{{Role::frame}, {{{0, 0}, {1, 1}}}, Colour{255, 0, 1}}});
  EXPECT_EQ(markup_problem(text), "");
  for (const char* part :
       {"<circle class=\"dot s2\" cx=\"3.0\" cy=\"4.0\" r=\"5.0\"><title>one &lt;2&gt;</title>",
        "class=\"frame\" fill=\"none\"", "<title>whole</title>&lt;b&gt;</text>", "text-anchor=\"end\"",
        "d=\"M0.0 0.0L1.0 1.0M2.0 2.0L3.0 3.0\"", "d=\"M0.0 0.0L1.0 1.0Z\" fill=\"#ff0001\""})
    EXPECT_NE(text.find(part), std::string::npos) << part << " in " << text;
}

TEST(Svg, APathThatIsRepeatedIsWrittenOnce) {
  const Path coast{{Role::coast}, {{{0, 0}, {1, 1}}}, {}, "coast", false},
      again{{Role::coast}, {{{0, 0}, {1, 1}}}, {}, "coast", true};
  const std::string text = svg_of({coast, again});
  EXPECT_EQ(occurrences(text, "<path"), 1);
  EXPECT_EQ(occurrences(text, "<use href=\"#coast\"></use>"), 1);
}

TEST(Svg, PixelsArePngAndScalesAreGradients) {
  const std::string text = svg_of(
      {Raster{{1, 2, 3, 4}, 1, 1, {{9, 9, 9}}}, Gradient{"g", {1, 2, 3, 4}, {{0, 0, 0}, {255, 255, 255}}}});
  EXPECT_EQ(markup_problem(text), "");
  EXPECT_EQ(occurrences(text, "href=\"data:image/png;base64,iVBOR"), 1);
  EXPECT_NE(text.find("<stop offset=\"1.0000\" stop-color=\"#ffffff\">"), std::string::npos);
  EXPECT_NE(text.find("fill=\"url(#g)\""), std::string::npos);
}

}  // namespace
}  // namespace seqvit::draw
