#include "draw/axis.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace seqvit::draw {
namespace {

using Texts = std::vector<std::string>;

TEST(Axis, HoldsEveryFiniteValueWithAMargin) {
  const Axis axis = axis_of({3.0, std::numeric_limits<double>::quiet_NaN(), 13.0});
  EXPECT_LT(axis.low, 3.0);
  EXPECT_GT(axis.low, 2.0);
  EXPECT_GT(axis.high, 13.0);
  EXPECT_DOUBLE_EQ(axis.position(8.0), 0.5);
}

TEST(Axis, IsNeverEmpty) {
  for (const auto& values : {std::vector<double>{}, {0.0}, {7.0, 7.0}, {-1e-30}}) {
    const Axis axis = axis_of(values);
    EXPECT_LT(axis.low, axis.high);
    EXPECT_FALSE(axis.ticks(5).empty());
  }
}

TEST(Axis, LogarithmicOnlyWhereAllValuesArePositive) {
  EXPECT_FALSE(axis_of({0.0, 10.0}, true).logarithmic);
  const Axis axis = axis_of({0.01, 1.0}, true);
  EXPECT_TRUE(axis.logarithmic);
  EXPECT_NEAR(axis.position(0.1), 0.5, 1e-12);
  EXPECT_EQ(axis_texts(axis.ticks(7)), (Texts{"0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1"}));
  EXPECT_LE(axis.ticks(4).size(), 5U);
  EXPECT_EQ(axis_texts(axis_of({30.0, 3e8}, true).ticks(6)),
            (Texts{"100", "1000", "10000", "100000", "1e+06", "1e+07", "1e+08"}))
      << "powers alone, and short, where it spans many";
  EXPECT_GE(axis_of({0.31, 0.34}, true).ticks(5).size(), 2U)
      << "no power of ten within: round numbers instead";
}

TEST(Axis, TicksAreRoundAndWithinTheAxis) {
  const Axis axis = axis_of({0.0, 2000.0});
  EXPECT_EQ(axis_texts(axis.ticks(5)), (Texts{"0", "500", "1,000", "1,500", "2,000"}));
  for (const double tick : axis_of({0.137, 0.912}).ticks(5)) {
    EXPECT_GE(tick, 0.0);
    EXPECT_NEAR(tick * 10, std::round(tick * 10), 1e-9);
  }
}

TEST(Axis, TextsTellTicksApart) {
  EXPECT_EQ(axis_texts({0.0, 0.0005, 0.001}), (Texts{"0", "0.0005", "0.001"}));
  EXPECT_EQ(axis_texts({0, 2e-6}), (Texts{"0", "2e-06"}));
  EXPECT_EQ(axis_texts({99.5, 100}), (Texts{"99.5", "100"}));
}

TEST(Axis, AnyRangeHasFewTicks) {
  const double huge = 1e300, infinite = std::numeric_limits<double>::infinity();
  EXPECT_EQ(round_ticks(-1.2, 3.1, 5), (std::vector<double>{-1, 0, 1, 2, 3}));
  EXPECT_TRUE(round_ticks(2.0, 2.0, 5).empty());
  EXPECT_TRUE(round_ticks(3.0, 2.0, 5).empty());
  EXPECT_TRUE(round_ticks(0.0, infinite, 5).empty());
  EXPECT_TRUE(round_ticks(1e17, 1e17 + 16, 5).empty());
  EXPECT_LE(round_ticks(-huge, huge, 5).size(), 11U);
}

TEST(Axis, TextsStayWithinTheSceneAndDoNotTouch) {
  Scene scene{.width = 100, .height = 50};
  draw_x_ticks(scene, {{20, 5, 80, 20}, {0, 10000}, {}, 3}, number_ticks({0, 100, 10000}), Role::grid);
  std::vector<std::string> texts;
  for (const Item& item : scene.items) {
    const Text* text = std::get_if<Text>(&item);
    if (text == nullptr) continue;
    texts.push_back(text->text);
    EXPECT_LE(text->at.x + text_width(Role::tick, text->text) / 2, 103.001);
  }
  EXPECT_EQ(texts, (Texts{"0", "10,000"})) << "100 would touch 0";
}

TEST(Axis, GroupsDigitsByThree) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(-1234567), "-1,234,567");
}

}  // namespace
}  // namespace seqvit::draw
