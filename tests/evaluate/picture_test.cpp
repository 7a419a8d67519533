#include "evaluate/picture.h"

#include <cmath>

#include <gtest/gtest.h>

#include "core/error.h"
#include "draw/image.h"
#include "evaluate/synthetic.h"

namespace seqvit::evaluate {
namespace {

// South to north rows; values rise northward, one point is missing.
struct Fields {
  ForecastMaps maps;
  std::vector<float>&truth = maps.truth, &forecast = maps.forecast;
  Fields() {
    maps.grid = {{-60, -20, 20, 60}, {0, 60, 120, 180, 240, 300}};
    maps.text = {"t", "temperature", "K", "1999-12-31 18:00", "2000-01-01 00:00", "6 h"};
    maps.land.assign(24, 0.0f);  // no coast crosses the cells that are looked at
    for (int i = 0; i < 24; ++i) {
      truth.push_back(static_cast<float>(i / 6));
      forecast.push_back(truth.back() + (i % 6 < 3 ? 1.0f : -1.0f));
    }
    truth[13] = NAN;
  }
};

// Near the middle of cell (row from the north, column) of a panel: right of its meridian, below its parallel.
draw::Colour cell(const draw::Image& image, int panel, int row, int column) {
  const double unit = 2, map = (750 - 42 - 12 - 2 * 24) / 3.0, left = 42 + panel * (map + 24), top = 84;
  const double height = std::round(map * 160.0 / 360.0);
  return image.at(static_cast<int>((left + (column + 0.5) * map / 6) * unit) + 6,
                  static_cast<int>((top + (row + 0.5) * height / 4) * unit) + 6);
}

TEST(Picture, NorthIsUpMissingIsGreyAndErrorsAreRedAndBlue) {
  const Fields f;
  const draw::Image image = draw::decode(draw_picture(f.maps));
  EXPECT_EQ(image.width, 1500);
  const auto light = [](draw::Colour c) { return c.red + c.green + c.blue; };
  EXPECT_GT(light(cell(image, 0, 0, 2)), light(cell(image, 0, 3, 2)) + 150)
      << "high values in the north are light";
  EXPECT_EQ(cell(image, 0, 1, 1), (draw::Colour{190, 190, 190})) << "the missing point";
  EXPECT_EQ(cell(image, 2, 1, 1), (draw::Colour{190, 190, 190}));
  EXPECT_NE(cell(image, 1, 1, 1), (draw::Colour{190, 190, 190})) << "the forecast has a value there";
  EXPECT_EQ(cell(image, 2, 2, 0), draw::diverging_colour(1.0));
  EXPECT_EQ(cell(image, 2, 2, 4), draw::diverging_colour(-1.0));
}

TEST(Picture, SameFieldsSameBytesOtherFieldsOther) {
  Fields f;
  const auto bytes = draw_picture(f.maps);
  EXPECT_EQ(bytes, draw_picture(f.maps));
  f.forecast[3] += 0.5f;
  EXPECT_NE(bytes, draw_picture(f.maps));
}

TEST(Picture, OrderOfRowsAndColumnsDoesNotMatter) {
  const Fields f;
  ForecastMaps turned = f.maps;
  turned.grid.latitude = {60, 20, -20, -60};
  for (int y = 0; y < 4; ++y) {
    std::copy_n(f.truth.begin() + y * 6, 6, turned.truth.begin() + (3 - y) * 6);
    std::copy_n(f.forecast.begin() + y * 6, 6, turned.forecast.begin() + (3 - y) * 6);
  }
  EXPECT_EQ(draw_picture(f.maps), draw_picture(turned));
}

TEST(Picture, DrawsFieldsOfNothingAndOfOneValue) {
  Fields f;
  std::fill(f.truth.begin(), f.truth.end(), NAN);
  f.forecast = f.truth;
  EXPECT_GT(draw_picture(f.maps).size(), 1000u);
  std::fill(f.truth.begin(), f.truth.end(), 273.15f);
  f.forecast = f.truth;
  EXPECT_GT(draw_picture(f.maps).size(), 1000u);
}

TEST(Picture, WritesAFileOrSaysWhyNot) {
  const Fields f;
  const testing::TemporaryDirectory directory;
  write_picture(directory / "p.png", f.maps);
  EXPECT_GT(std::filesystem::file_size(directory / "p.png"), 5000u);
  EXPECT_THROW(write_picture(directory / "no" / "p.png", f.maps), Error);
}

TEST(ForecastMaps, ShareOneScaleAndSayTheErrorWithItsUnits) {
  const Fields f;
  const std::vector<MapPanel> panels = map_panels(f.maps);
  ASSERT_EQ(panels.size(), 3U);
  EXPECT_EQ(panels[0].scale.low, panels[1].scale.low);
  EXPECT_EQ(panels[0].scale.high, panels[1].scale.high);
  EXPECT_EQ(panels[2].heading, "Error, RMSE 1 K");
  EXPECT_EQ(panels[2].scale_name, "forecast \u2212 truth, K");
  EXPECT_EQ(panels[2].scale.low, -panels[2].scale.high);
  EXPECT_TRUE(std::isnan(panels[2].field[13]));
}

TEST(ForecastMaps, KnowLandByNameOrStandardName) {
  EXPECT_TRUE(is_land_fraction("land_fraction", ""));
  EXPECT_TRUE(is_land_fraction("x", "land_area_fraction"));
  EXPECT_FALSE(is_land_fraction("orography", "surface_altitude"));
}

}  // namespace
}  // namespace seqvit::evaluate
