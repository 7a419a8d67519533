#include "draw/map.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace seqvit::draw {
namespace {

TEST(MapAxis, CellsAndTicks) {
  const MapAxis axis = longitude_axis({340, 350, 0, 10});
  EXPECT_EQ(axis.low(), 335.0);
  EXPECT_EQ(axis.high(), 375.0);
  EXPECT_EQ(axis.index_at(361.0), 2);
  EXPECT_EQ(latitude_axis({90, 0, -90}).index_at(60), 0);
  EXPECT_EQ(latitude_axis({90, 0, -90}).high(), 90.0) << "no cell reaches over the pole";
  EXPECT_EQ(longitude_text(240), "120\u00b0W");
  EXPECT_EQ(longitude_text(-180), "180\u00b0");
  EXPECT_EQ(longitude_text(360), "0\u00b0");
  EXPECT_EQ(latitude_text(-2.5), "2.5\u00b0S");
  EXPECT_TRUE(degree_ticks(0.0, 1e300, 5).empty());
  EXPECT_EQ(longitude_axis({0.0, 1e300}).indices.size(), 2U) << "no turns are counted one by one";
}

TEST(ColourScale, HoldsMostValuesAndKnowsOfTheOthers) {
  std::vector<float> truth(1000), forecast(1000, 500.0F);
  for (size_t i = 0; i < truth.size(); ++i)
    truth[i] = static_cast<float>(i);
  const ColourScale scale = field_scale(truth, forecast);
  EXPECT_NEAR(scale.low, 10, 2);
  EXPECT_NEAR(scale.high, 989, 2);
  EXPECT_TRUE(scale.below && scale.above);
  EXPECT_EQ(scale(1e9), scale(scale.high));
  EXPECT_EQ(scale(NAN), (Colour{190, 190, 190}));
  const ColourScale errors = error_scale(std::vector<float>{-3, 1, 2});
  EXPECT_EQ(errors.low, -3);
  EXPECT_EQ(errors.high, 3);
  EXPECT_FALSE(errors.below || errors.above);
  EXPECT_EQ(errors(0), diverging_colour(0));
}

struct Drawn {
  Scene scene{.width = 340, .height = 300};
  Box box{40, 10, 240, 120};
  std::vector<float> field;

  Drawn(const grid::Grid& grid, bool land, Map::Panel panel = {}) : field(grid.points(), 0.25F) {
    panel.box = box;
    field[0] = NAN;
    const std::vector<float> lands(land ? grid.points() : 0, 0.0F);
    Map(grid, lands).draw(scene, panel, field, {0, 1, false, false, sequential_colour, false});
  }
  template <class T>
  std::vector<T> all() const {
    std::vector<T> found;
    for (const Item& item : scene.items) {
      if (const T* match = std::get_if<T>(&item)) found.push_back(*match);
    }
    return found;
  }
  Path coast() const {
    for (const Path& path : all<Path>()) {
      if (path.look.role == Role::coast) return path;
    }
    ADD_FAILURE() << "no coast";
    return {};
  }
};

const grid::Grid kGlobe{{-75, -45, -15, 15, 45, 75}, {0, 60, 120, 180, 240, 300}};

TEST(Map, NorthIsUpAndMissingIsGrey) {
  const Raster raster = Drawn(kGlobe, true).all<Raster>().at(0);
  const auto at = [&](double x, double y) {
    return raster.pixels.at(static_cast<size_t>(y * raster.rows) * raster.columns +
                            static_cast<size_t>(x * raster.columns));
  };
  EXPECT_EQ(at(0.02, 0.97), (Colour{190, 190, 190})) << "the first row is the southernmost";
  EXPECT_EQ(at(0.02, 0.03), sequential_colour(0.25));
  EXPECT_EQ(at(0.97, 0.97), sequential_colour(0.25));
}

TEST(Map, CoastsAreEarthsUnlessTheDataHaveLand) {
  const Drawn drawn(kGlobe, false);
  const Path coast = drawn.coast();
  EXPECT_GT(coast.lines.size(), 200U);
  for (const Line& line : coast.lines) {
    for (const Point& p : line) {
      EXPECT_GE(p.x, drawn.box.x - 1e-9);
      EXPECT_LE(p.x, drawn.box.right() + 1e-9);
      EXPECT_GE(p.y, drawn.box.y - 1e-9);
      EXPECT_LE(p.y, drawn.box.bottom() + 1e-9);
    }
  }
  EXPECT_TRUE(Drawn(kGlobe, true).coast().lines.empty()) << "all sea";
}

TEST(Map, TextsAreDegreesWithinTheScene) {
  std::vector<std::string> texts;
  for (const Text& text : Drawn(kGlobe, true).all<Text>()) {
    texts.push_back(text.text);
    EXPECT_LE(text.at.x, 340);
  }
  for (const char* expected : {"60\u00b0N", "0\u00b0", "30\u00b0S", "90\u00b0E", "90\u00b0W"})
    EXPECT_NE(std::find(texts.begin(), texts.end(), expected), texts.end()) << expected;
  const size_t with = texts.size(),
               without = Drawn(kGlobe, true, {.with_latitudes = false}).all<Text>().size();
  EXPECT_LT(without, with);
}

TEST(Map, OfOtherGridsShowsRowsAndColumns) {
  grid::Grid image{{0, 1, 2, 3}, {0, 1, 2, 3, 4, 5}, grid::GridKind::index};
  const auto first_row_on_top = [](const grid::Grid& grid) {
    const Raster raster = Drawn(grid, false).all<Raster>().at(0);
    return raster.pixels.front() == Colour{190, 190, 190};
  };
  EXPECT_TRUE(first_row_on_top(image)) << "as images are";
  EXPECT_TRUE(Drawn(image, false).coast().lines.empty());
  for (const Text& text : Drawn(image, false).all<Text>())
    EXPECT_EQ(text.text.find("\u00b0"), std::string::npos) << text.text;
  EXPECT_EQ(Map(image, {}).height(60), 40);
  grid::Grid projected{{1e6, 2e6, 3e6, 4e6}, {0, 1e6, 2e6, 3e6, 4e6, 5e6}, grid::GridKind::curvilinear};
  EXPECT_FALSE(first_row_on_top(projected)) << "metres northward";
  std::reverse(projected.latitude.begin(), projected.latitude.end());
  EXPECT_TRUE(first_row_on_top(projected));
}

TEST(Map, KeepsTheShapeOfTheLand) {
  EXPECT_EQ(Map(kGlobe, {}).height(360), 180);
  EXPECT_EQ(Map({{59.5, 60.5}, {0, 1, 2, 3}}, {}).height(100), 100)
      << "a degree of longitude is half as long there";
}

TEST(ColourBar, RunsOutIntoPointsWhereValuesLieBeyond) {
  const auto paths = [](bool below, bool above) {
    Scene scene{.width = 340, .height = 100};
    draw_colour_bar(scene, {40, 10, 200, 0}, {0, 1, below, above, sequential_colour, false}, "bar", "K");
    return std::count_if(scene.items.begin(), scene.items.end(), [](const Item& item) {
      const Path* path = std::get_if<Path>(&item);
      return path != nullptr && path->fill.has_value();
    });
  };
  EXPECT_EQ(paths(false, false), 0);
  EXPECT_EQ(paths(true, false), 1);
  EXPECT_EQ(paths(true, true), 2);
}

}  // namespace
}  // namespace seqvit::draw
