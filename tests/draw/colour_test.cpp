#include "draw/colour.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace seqvit::draw {
namespace {

struct Lab {
  double lightness, a, b;
};

// CIELAB, D65: not the space that the colours are made in.
Lab lab_of(Colour c) {
  const auto linear = [](uint8_t byte) {
    const double v = byte / 255.0;
    return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
  };
  const double r = linear(c.red), g = linear(c.green), b = linear(c.blue);
  const auto f = [](double t) { return t > 0.008856 ? std::cbrt(t) : 7.787 * t + 16.0 / 116.0; };
  const double x = f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505),
               y = f(0.2126 * r + 0.7152 * g + 0.0722 * b),
               z = f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089);
  return {116 * y - 16, 500 * (x - y), 200 * (y - z)};
}

double lightness_step(Colour from, Colour to) {
  return lab_of(to).lightness - lab_of(from).lightness;
}

TEST(Colour, SequentialLightnessRisesInEvenSteps) {
  std::vector<double> steps;
  for (int i = 1; i <= 20; ++i)
    steps.push_back(lightness_step(sequential_colour((i - 1) / 20.0), sequential_colour(i / 20.0)));
  const auto [least, most] = std::minmax_element(steps.begin(), steps.end());
  EXPECT_GT(*least, 2.0);
  EXPECT_LT(*most, 1.8 * *least);
  EXPECT_EQ(sequential_colour(-5), sequential_colour(0));
}

TEST(Colour, DivergingIsWhiteInTheMiddleAndEvenToBothSides) {
  EXPECT_GT(lab_of(diverging_colour(0.0)).lightness, 95);
  for (int i = 1; i <= 10; ++i) {
    EXPECT_LT(lightness_step(diverging_colour((i - 1) / 10.0), diverging_colour(i / 10.0)), -1.0) << i;
    EXPECT_NEAR(lab_of(diverging_colour(i / 10.0)).lightness, lab_of(diverging_colour(-i / 10.0)).lightness,
                8.0)
        << i;
  }
  EXPECT_GT(diverging_colour(1.0).red, 2 * diverging_colour(1.0).blue);
  EXPECT_GT(diverging_colour(-1.0).blue, 2 * diverging_colour(-1.0).red);
}

TEST(Colour, AsCss) {
  EXPECT_EQ(hex({11, 106, 255}), "#0b6aff");
}

}  // namespace
}  // namespace seqvit::draw
