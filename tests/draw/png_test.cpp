#include "draw/png.h"

#include <gtest/gtest.h>

#include "draw/chart.h"
#include "draw/image.h"

namespace seqvit::draw {
namespace {

constexpr Colour kWhite{255, 255, 255}, kRed{200, 10, 20}, kBlue{10, 20, 200};

Scene scene_of(Item item) {
  Scene scene{.width = 40, .height = 20};
  scene.add(std::move(item));
  return scene;
}

TEST(Png, HasTheScenesSizeAndEachItemWhereItIs) {
  const Image empty = decode(png({.width = 40, .height = 20}, 2.5));
  EXPECT_EQ(empty.width, 100);
  EXPECT_EQ(empty.height, 50);
  EXPECT_EQ(empty.inked(0, 0, 100, 50), 0);
  const Image bar = decode(png(scene_of(Rectangle{{Role::bar, 2}, {10, 5, 20, 10}}), 2));
  EXPECT_EQ(bar.at(21, 11), colour_of(Ink::series, 2));
  EXPECT_EQ(bar.at(58, 28), colour_of(Ink::series, 2));
  EXPECT_EQ(bar.inked(0, 0, 80, 40), 40 * 20);
  const Image disc = decode(png(scene_of(Disc{{Role::bar, 1}, {20, 10}, 5}), 1));
  EXPECT_EQ(disc.at(20, 10), colour_of(Ink::series, 1));
  EXPECT_EQ(disc.at(14, 10), kWhite);
  const Image triangle = decode(png(scene_of(Path{{Role::frame}, {{{10, 0}, {30, 0}, {20, 20}}}, kRed}), 1));
  EXPECT_EQ(triangle.at(20, 8), kRed);
  EXPECT_EQ(triangle.at(12, 15), kWhite);
}

TEST(Png, PixelsAndColourScalesKeepTheirColours) {
  const Raster raster{{4, 2, 20, 10}, 2, 1, {kRed, kBlue}};
  const Image alone = decode(png(raster));
  EXPECT_EQ(alone.pixels, (std::vector{kRed, kBlue}));
  const Image within = decode(png(scene_of(raster), 1));
  EXPECT_EQ(within.at(5, 3), kRed);
  EXPECT_EQ(within.at(13, 11), kRed);
  EXPECT_EQ(within.at(14, 3), kBlue);
  EXPECT_EQ(within.at(24, 3), kWhite);
  const Image bar = decode(png(scene_of(Gradient{"g", {4, 2, 30, 10}, {kRed, kBlue}}), 1));
  EXPECT_GT(bar.at(6, 7).red, 150);
  EXPECT_GT(bar.at(31, 7).blue, 150);
}

TEST(Png, TextStandsAtItsAnchorAndLinesHaveTheirDashes) {
  const auto text = [](Anchor anchor) {
    return decode(png(scene_of(Text{Role::tick, {20, 15}, anchor, "iiii"}), 1));
  };
  EXPECT_EQ(text(Anchor::start).inked(0, 0, 19, 20), 0);
  EXPECT_GT(text(Anchor::start).inked(20, 0, 40, 20), 20);
  EXPECT_EQ(text(Anchor::end).inked(21, 0, 40, 20), 0);
  EXPECT_GT(text(Anchor::middle).inked(0, 0, 20, 20), 10);
  EXPECT_GT(text(Anchor::middle).inked(20, 0, 40, 20), 10);
  const auto line = [](int series) {
    return decode(png(scene_of(Path{{Role::line, series}, {{{0, 10}, {40, 10}}}}), 1)).inked(0, 9, 40, 11);
  };
  EXPECT_EQ(line(1), 80);
  EXPECT_LT(line(2), 70);
}

TEST(Png, DrawsTextThatIsNotUtf8) {
  for (const char* text :
       {"\xff", "a\xc3", "\xed\xa0\x80", "\xe0\x80\x80", "\xf0\x9f\x98\x80", "gr\xc3\xbc\xc3\x9f"})
    EXPECT_GT(decode(png(scene_of(Text{Role::tick, {2, 15}, Anchor::start, text}), 1)).inked(0, 0, 40, 20), 0)
        << text;
}

TEST(Png, OfAChartHasItsLinesAndIsTheSameTwice) {
  LineChart chart;
  chart.text = {"id", "title", "description", "x", "y"};
  chart.series = {{"a", 1, Series::Mark::dotted_line, {{1, 2, 1, 3}, {2, 3}}}};
  const Scene scene = line_chart(chart);
  const auto bytes = png(scene, 2);
  EXPECT_EQ(bytes, png(scene, 2));
  const Image image = decode(bytes);
  EXPECT_GT(std::count(image.pixels.begin(), image.pixels.end(), colour_of(Ink::series, 1)), 200);
}

}  // namespace
}  // namespace seqvit::draw
