#include "data/file_grid.h"

#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

#include "data/netcdf_builder.h"
#include "data/source.h"
#include "support/errors.h"
#include "support/temporary_directory.h"

namespace seqvit::data {
namespace {

constexpr double kFill = 9.9692099683868690e+36;

class FileGrid : public testing::Test {
 protected:
  /// 3 rows of 4 columns, each point with a latitude and longitude of its own; `fill`: the first has none.
  std::string write_points(bool product, bool corners, bool fill = false) {
    const std::string path = directory_ / "a.nc";
    NetcdfBuilder file(path, NC_NETCDF4);
    file.dim("y", 3);
    file.dim("x", 4);
    file.dim("vertices", 4);
    const int lat = file.variable("lat", NC_DOUBLE, {"y", "x"}),
              lon = file.variable("lon", NC_DOUBLE, {"y", "x"});
    file.text(lat, "standard_name", "latitude");
    file.text(lon, "standard_name", "longitude");
    std::vector<double> north, east, north_corners, east_corners;
    for (int i = 0; i < 12; ++i) {
      const double y = i / 4, x = i % 4, slope = product ? 0.0 : 0.2;
      north.push_back(fill && i == 0 ? kFill : 50 + y + slope * x);
      east.push_back(fill && i == 0 ? kFill : 10 + x - slope * y);
      for (const auto& [up, right] : {std::pair{-0.5, -0.5}, {-0.5, 0.5}, {0.5, 0.5}, {0.5, -0.5}}) {
        north_corners.push_back(50 + y + slope * x + up);
        east_corners.push_back(10 + x - slope * y + right);
      }
    }
    file.put(lat, north);
    file.put(lon, east);
    if (corners) {
      file.text(lat, "bounds", "lat_vertices");
      file.text(lon, "bounds", "lon_vertices");
      file.put(file.variable("lat_vertices", NC_DOUBLE, {"y", "x", "vertices"}), north_corners);
      file.put(file.variable("lon_vertices", NC_DOUBLE, {"y", "x", "vertices"}), east_corners);
    }
    file.variable("a", NC_FLOAT, {"y", "x"});
    return path;
  }

  static grid::Grid grid_of(const std::string& path) {
    FileView view(path);
    return *view.source(*view.file().find("a")).grid;
  }

  TemporaryDirectory directory_;
};

TEST_F(FileGrid, OfPointsKeepsTheirPlaces) {
  const grid::Grid grid = grid_of(write_points(false, false));
  EXPECT_EQ(grid.kind, grid::GridKind::curvilinear);
  EXPECT_NEAR(grid.latitude_at(2, 3), 52.6, 1e-12);
  EXPECT_NEAR(grid.longitude_at(2, 3), 12.6, 1e-12);
  EXPECT_TRUE(grid.corner_latitude.empty());
  EXPECT_FALSE(grid.periodic());
}

TEST_F(FileGrid, CornersOfCellsAreRead) {
  const grid::Grid grid = grid_of(write_points(false, true));
  ASSERT_EQ(grid.corner_latitude.size(), 48U);
  EXPECT_NEAR(grid.corner_latitude[4 * 11 + 2], 53.1, 1e-12);
  EXPECT_NEAR(grid.corner_longitude[4 * 11 + 2], 13.1, 1e-12);
}

TEST_F(FileGrid, PointsInRowsAndColumnsAreARectilinearGrid) {
  const grid::Grid grid = grid_of(write_points(true, false));
  EXPECT_EQ(grid.kind, grid::GridKind::rectilinear);
  EXPECT_EQ(grid.latitude, (std::vector<double>{50, 51, 52}));
  EXPECT_EQ(grid.longitude, (std::vector<double>{10, 11, 12, 13}));
}

TEST_F(FileGrid, APointMayHaveNoPlace) {
  const grid::Grid grid = grid_of(write_points(false, false, true));
  EXPECT_TRUE(std::isnan(grid.latitude_at(0, 0)));
  EXPECT_NEAR(grid.latitude_at(0, 1), 50.2, 1e-12);
}

TEST_F(FileGrid, EdgesOfRowsWhereTheyAreSound) {
  const auto bounds_with = [&](const std::vector<double>& edges) {
    const std::string path = directory_ / "b.nc";
    {
      NetcdfBuilder file(path, NC_NETCDF4);
      file.text(file.coordinate("lat", {10, 20}, "degrees_north"), "bounds", "lat_bnds");
      file.coordinate("lon", {0, 1, 2}, "degrees_east");
      file.dim("bnds", 2);
      file.put(file.variable("lat_bnds", NC_DOUBLE, {"lat", "bnds"}), edges);
      file.variable("a", NC_FLOAT, {"lat", "lon"});
    }
    return grid_of(path).row_bounds;
  };
  EXPECT_EQ(bounds_with({5, 12, 12, 25}), (std::vector<double>{5, 12, 12, 25}));
  EXPECT_TRUE(bounds_with({11, 12, 12, 25}).empty()) << "a row outside its edges";
  EXPECT_TRUE(bounds_with({10, 10, 12, 25}).empty()) << "no width";
}

TEST_F(FileGrid, RadiansBecomeDegrees) {
  const std::string path = directory_ / "r.nc";
  {
    NetcdfBuilder file(path, NC_NETCDF4);
    constexpr double kDegree = std::numbers::pi / 180.0;
    const int lat = file.coordinate("lat", {10 * kDegree, 20 * kDegree}, "radians");
    file.text(lat, "standard_name", "latitude");
    file.text(lat, "bounds", "lat_bnds");
    file.coordinate("lon", {0, 90 * kDegree, 180 * kDegree, 270 * kDegree}, "radian");
    file.dim("bnds", 2);
    file.put(file.variable("lat_bnds", NC_DOUBLE, {"lat", "bnds"}),
             {5 * kDegree, 15 * kDegree, 15 * kDegree, 25 * kDegree});
    file.variable("a", NC_FLOAT, {"lat", "lon"});
  }
  const grid::Grid grid = grid_of(path);
  EXPECT_NEAR(grid.latitude[1], 20, 1e-12);
  EXPECT_NEAR(grid.longitude[3], 270, 1e-12);
  EXPECT_TRUE(grid.periodic());
  ASSERT_EQ(grid.row_bounds.size(), 4U);
  EXPECT_NEAR(grid.row_bounds[3], 25, 1e-12);
}

TEST_F(FileGrid, ALastColumnThatRepeatsTheFirstIsLeftOut) {
  GridFile file;
  file.longitude = {0, 90, 180, 270, 360};
  const std::string path = directory_ / "c.nc";
  file.write(path);
  FileView view(path);
  const Source source = view.source(*view.file().find("air"));
  EXPECT_EQ(source.grid->longitude, (std::vector<double>{0, 90, 180, 270}));
  EXPECT_TRUE(source.grid->periodic());
  EXPECT_EQ(source.map_to(*source.grid)->columns, (std::vector<int64_t>{0, 1, 2, 3}));
}

/// A box that follows a storm.
TEST_F(FileGrid, PlacesThatMoveAreRefused) {
  for (const double shift : {0.0, 0.5}) {
    const std::string path = directory_ / "a.nc";
    {
      NetcdfBuilder file(path, NC_NETCDF4);
      file.coordinate("time", {0, 6, 12}, "hours since 2001-01-01");
      file.dim("y", 2);
      file.dim("x", 2);
      const int lat = file.variable("lat", NC_DOUBLE, {"time", "y", "x"}),
                lon = file.variable("lon", NC_DOUBLE, {"time", "y", "x"});
      file.text(lat, "standard_name", "latitude");
      file.text(lon, "standard_name", "longitude");
      std::vector<double> north, east;
      for (int t = 0; t < 3; ++t)
        for (int i = 0; i < 4; ++i) {
          north.push_back(50 + i / 2 + 0.1 * (i % 2) + shift * t);
          east.push_back(10 + i % 2);
        }
      file.put(lat, north);
      file.put(lon, east);
      file.text(file.variable("a", NC_FLOAT, {"time", "y", "x"}), "coordinates", "lat lon");
    }
    if (shift == 0.0)
      EXPECT_EQ(grid_of(path).rows(), 2);
    else
      EXPECT_ERROR(grid_of(path), Exit::data, "found them to move: 50 at first, 51 at last",
                   "data.grid: index");
  }
}

}  // namespace
}  // namespace seqvit::data
