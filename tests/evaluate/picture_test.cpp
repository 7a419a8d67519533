#include "evaluate/picture.h"

#include <cmath>
#include <limits>
#include <png.h>
#include <set>

#include <gtest/gtest.h>

#include "core/error.h"
#include "evaluate/canvas.h"
#include "evaluate/font.h"
#include "evaluate/picture_axis.h"
#include "evaluate/synthetic.h"

namespace seqvit::evaluate {
namespace {

struct Image {
  int width = 0, height = 0;
  std::vector<uint8_t> pixels;
  Colour at(int x, int y) const {
    const uint8_t* p = pixels.data() + (static_cast<size_t>(y) * width + x) * 3;
    return {p[0], p[1], p[2]};
  }
};

Image decode(const std::vector<std::byte>& bytes) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  EXPECT_NE(png_image_begin_read_from_memory(&png, bytes.data(), bytes.size()), 0);
  png.format = PNG_FORMAT_RGB;
  Image image{static_cast<int>(png.width), static_cast<int>(png.height),
              std::vector<uint8_t>(PNG_IMAGE_SIZE(png))};
  EXPECT_NE(png_image_finish_read(&png, nullptr, image.pixels.data(), 0, nullptr), 0);
  return image;
}

// South to north rows; values rise northward, one point is missing.
struct Fields {
  grid::Grid grid{{-60, -20, 20, 60}, {0, 60, 120, 180, 240, 300}};
  std::vector<float> truth, forecast;
  PictureText text{"t: temperature", "K", "2000-01-01T00:00:00", "6 h"};
  Fields() {
    for (int i = 0; i < 24; ++i) {
      truth.push_back(static_cast<float>(i / 6));
      forecast.push_back(truth.back() + (i % 6 < 3 ? 1.0f : -1.0f));
    }
    truth[13] = NAN;
  }
};

// The middle of cell (row from the north, column) of a panel, from the frames that are found in the picture.
Colour cell(const Image& image, int panel, int row, int column) {
  const int map = (1500 - 76 - 28 - 2 * 36) / 3, left = 76 + panel * (map + 36), top = 122;
  const int height = static_cast<int>(std::lround(map * 160.0 / 360.0));
  return image.at(left + (2 * column + 1) * map / 12 + 3, top + (2 * row + 1) * height / 8 + 3);
}

TEST(Picture, NorthIsUpMissingIsGreyAndErrorsAreRedAndBlue) {
  const Fields f;
  const Image image = decode(draw_picture(f.grid, f.truth, f.forecast, f.text));
  EXPECT_EQ(image.width, 1500);
  const auto light = [](Colour c) { return c.red + c.green + c.blue; };
  EXPECT_GT(light(cell(image, 0, 0, 2)), light(cell(image, 0, 3, 2)) + 150)
      << "high values in the north are light";
  EXPECT_EQ(cell(image, 0, 1, 1), (Colour{190, 190, 190})) << "the missing point";
  EXPECT_EQ(cell(image, 2, 1, 1), (Colour{190, 190, 190}));
  EXPECT_NE(cell(image, 1, 1, 1), (Colour{190, 190, 190})) << "the forecast has a value there";
  EXPECT_EQ(cell(image, 2, 2, 0), diverging_colour(1.0));
  EXPECT_EQ(cell(image, 2, 2, 4), diverging_colour(-1.0));
}

TEST(Picture, SameFieldsSameBytesOtherFieldsOther) {
  Fields f;
  const auto bytes = draw_picture(f.grid, f.truth, f.forecast, f.text);
  EXPECT_EQ(bytes, draw_picture(f.grid, f.truth, f.forecast, f.text));
  f.forecast[3] += 0.5f;
  EXPECT_NE(bytes, draw_picture(f.grid, f.truth, f.forecast, f.text));
}

TEST(Picture, OrderOfRowsAndColumnsDoesNotMatter) {
  const Fields f;
  Fields turned = f;
  turned.grid.latitude = {60, 20, -20, -60};
  for (int y = 0; y < 4; ++y) {
    std::copy_n(f.truth.begin() + y * 6, 6, turned.truth.begin() + (3 - y) * 6);
    std::copy_n(f.forecast.begin() + y * 6, 6, turned.forecast.begin() + (3 - y) * 6);
  }
  EXPECT_EQ(draw_picture(f.grid, f.truth, f.forecast, f.text),
            draw_picture(turned.grid, turned.truth, turned.forecast, turned.text));
}

TEST(Picture, DrawsFieldsOfNothingAndOfOneValue) {
  Fields f;
  std::fill(f.truth.begin(), f.truth.end(), NAN);
  EXPECT_GT(draw_picture(f.grid, f.truth, f.truth, f.text).size(), 1000u);
  std::fill(f.truth.begin(), f.truth.end(), 273.15f);
  EXPECT_GT(draw_picture(f.grid, f.truth, f.truth, f.text).size(), 1000u);
}

TEST(Picture, WritesAFileOrSaysWhyNot) {
  const Fields f;
  const testing::TemporaryDirectory directory;
  write_picture(directory / "p.png", f.grid, f.truth, f.forecast, f.text);
  EXPECT_GT(std::filesystem::file_size(directory / "p.png"), 5000u);
  EXPECT_THROW(write_picture(directory / "no" / "p.png", f.grid, f.truth, f.forecast, f.text), Error);
}

TEST(PictureAxis, CellsAndTicks) {
  const PictureAxis axis = longitude_axis({340, 350, 0, 10});
  EXPECT_EQ(axis.low(), 335.0);
  EXPECT_EQ(axis.high(), 375.0);
  EXPECT_EQ(axis.index_at(361.0), 2);
  EXPECT_EQ(latitude_axis({90, 0, -90}).index_at(60), 0);
  EXPECT_EQ(latitude_axis({90, 0, -90}).high(), 90.0) << "no cell reaches over the pole";
  EXPECT_EQ(longitude_text(240), "120W");
  EXPECT_EQ(longitude_text(-180), "180");
  EXPECT_EQ(longitude_text(360), "0");
  EXPECT_EQ(latitude_text(-2.5), "2.5S");
  EXPECT_EQ(round_ticks(-1.2, 3.1, 5), (std::vector<double>{-1, 0, 1, 2, 3}));
  EXPECT_EQ(tick_texts({0.0, 0.25, 0.5}), (std::vector<std::string>{"0.00", "0.25", "0.50"}));
  EXPECT_EQ(tick_texts({-0.2, 0.0, 0.2}), (std::vector<std::string>{"-0.2", "0.0", "0.2"}));
  EXPECT_EQ(tick_texts({0.0, 2e-6}), (std::vector<std::string>{"0", "2e-06"}));
}

TEST(PictureAxis, AnyRangeHasFewTicks) {
  const double huge = 1e300, infinite = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(round_ticks(2.0, 2.0, 5).empty());
  EXPECT_TRUE(round_ticks(3.0, 2.0, 5).empty());
  EXPECT_TRUE(round_ticks(0.0, infinite, 5).empty());
  EXPECT_TRUE(round_ticks(1e17, 1e17 + 16, 5).empty());
  EXPECT_LE(round_ticks(-huge, huge, 5).size(), 11U);
  EXPECT_TRUE(degree_ticks(0.0, huge, 5).empty());
  EXPECT_EQ(longitude_axis({0.0, huge}).indices.size(), 2U) << "no turns are counted one by one";
}

TEST(ColourMap, LightnessRisesSteadilyAndWhiteIsInTheMiddle) {
  const auto light = [](Colour c) { return 0.2126 * c.red + 0.7152 * c.green + 0.0722 * c.blue; };
  for (int i = 1; i <= 100; ++i) {
    EXPECT_GT(light(sequential_colour(i / 100.0)), light(sequential_colour((i - 1) / 100.0)) - 0.01) << i;
  }
  EXPECT_GT(light(diverging_colour(0.0)), 240);
  EXPECT_GT(diverging_colour(1.0).red, 2 * diverging_colour(1.0).blue);
  EXPECT_GT(diverging_colour(-1.0).blue, 2 * diverging_colour(-1.0).red);
  EXPECT_EQ(sequential_colour(-5), sequential_colour(0));
}

TEST(Font, EveryCharacterHasItsOwnShape) {
  std::set<std::vector<bool>> shapes;
  for (char c = ' '; c <= '~'; ++c) {
    std::vector<bool> dots;
    for (int y = 0; y < kGlyphHeight; ++y) {
      for (int x = 0; x < kGlyphWidth; ++x)
        dots.push_back(glyph_dot(c, x, y));
    }
    EXPECT_TRUE(shapes.insert(dots).second) << c;
  }
  EXPECT_FALSE(glyph_dot('W', 5, 0));
  EXPECT_FALSE(glyph_dot('W', 0, 9));
  EXPECT_TRUE(glyph_dot('\xe9', 1, 0)) << "unknown characters look like '?'";
}

}  // namespace
}  // namespace seqvit::evaluate
