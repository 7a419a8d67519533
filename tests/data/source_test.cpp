#include "data/source.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "data/netcdf_builder.h"
#include "support/errors.h"
#include "support/temporary_directory.h"

namespace seqvit::data {
namespace {

using Columns = std::vector<int64_t>;

TEST(MatchGrids, FindsTheOrientation) {
  const grid::Grid grid{{10, 0, -10}, {0, 90, 180, 270}};
  EXPECT_FALSE(match_grids(grid, grid)->flip);
  EXPECT_TRUE(match_grids(grid, grid)->columns.empty());
  EXPECT_TRUE(match_grids(grid, {{-10, 0, 10}, grid.longitude})->flip);
  EXPECT_EQ(match_grids(grid, {grid.latitude, {-180, -90, 0, 90}})->columns, (Columns{2, 3, 0, 1}));
  EXPECT_EQ(match_grids(grid, {grid.latitude, {270, 180, 90, 0}})->columns, (Columns{3, 2, 1, 0}));
  EXPECT_TRUE(match_grids(grid, {grid.latitude, {360, 450, 540, 630}})->columns.empty());
}

TEST(MatchGrids, RefusesOtherGrids) {
  const grid::Grid grid{{10, 0, -10}, {0, 90, 180, 270}};
  EXPECT_FALSE(match_grids(grid, {{10, 0}, grid.longitude}));
  EXPECT_FALSE(match_grids(grid, {{10, 0, -11}, grid.longitude}));
  EXPECT_FALSE(match_grids(grid, {grid.latitude, {1, 91, 181, 271}}));
  EXPECT_FALSE(match_grids(grid, {grid.latitude, {0, 90, 270, 180}}));
  // A regional grid moved by less than its extent shares columns, but not all.
  EXPECT_FALSE(match_grids({{0, 1}, {0, 1, 2}}, {{0, 1}, {1, 2, 3}}));
}

DimRole role_of(const std::string& name, const std::map<std::string, std::string>& attributes) {
  const TemporaryDirectory directory;
  const std::string path = directory / "role.nc";
  {
    NetcdfBuilder file(path, 0);
    file.dim(name, 2);
    const int id = file.variable(name, NC_DOUBLE, {name});
    for (const auto& [key, value] : attributes)
      file.text(id, key, value);
  }
  const NetcdfFile file(path);
  return recognise_dims(file).at(name).role;
}

TEST(RecogniseDims, AttributesBeforeNames) {
  EXPECT_EQ(role_of("p", {{"standard_name", "latitude"}}), DimRole::latitude);
  EXPECT_EQ(role_of("FNOCX", {{"units", "degrees_east"}}), DimRole::longitude);
  EXPECT_EQ(role_of("FNOCY", {{"units", "degreesN"}}), DimRole::latitude);
  EXPECT_EQ(role_of("lat", {{"units", "degrees_east"}}), DimRole::longitude);
  EXPECT_EQ(role_of("a", {{"axis", "Y"}}), DimRole::latitude);
  EXPECT_EQ(role_of("a", {{"axis", "Y"}, {"units", "m"}}), DimRole::other);
  EXPECT_EQ(role_of("a", {{"axis", "T"}}), DimRole::time);
  EXPECT_EQ(role_of("a", {{"units", "hour since 1980-01-14 14:00:00"}}), DimRole::time);
  EXPECT_EQ(role_of("a", {{"axis", "Z"}}), DimRole::level);
  EXPECT_EQ(role_of("a", {{"positive", "down"}}), DimRole::level);
  EXPECT_EQ(role_of("a", {{"units", "hPa"}}), DimRole::level);
  EXPECT_EQ(role_of("number", {{"units", "1"}}), DimRole::other);
}

TEST(RecogniseDims, UsualNames) {
  for (const char* name : {"lat", "latitude", "LAT", "y"})
    EXPECT_EQ(role_of(name, {}), DimRole::latitude) << name;
  for (const char* name : {"lon", "longitude", "Longitude", "x"})
    EXPECT_EQ(role_of(name, {}), DimRole::longitude) << name;
  for (const char* name : {"level", "lev", "plev", "isobaricInhPa", "pressure_level", "height"}) {
    EXPECT_EQ(role_of(name, {}), DimRole::level) << name;
  }
  EXPECT_EQ(role_of("x", {{"units", "m"}}), DimRole::other);
  EXPECT_EQ(role_of("station", {}), DimRole::other);
}

TEST(FileView, CoordinateOfAnotherName) {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.nc";
  {
    NetcdfBuilder file(path, 0);
    file.dim("nlat", 2);
    file.dim("nlon", 3);
    file.text(file.variable("lat", NC_DOUBLE, {"nlat"}), "units", "degrees_north");
    file.text(file.variable("lon", NC_DOUBLE, {"nlon"}), "units", "degrees_east");
    file.variable("z", NC_DOUBLE, {"nlat", "nlon"});
    file.put(0, {1, 2});
    file.put(1, {1, 2, 3});
  }
  FileView view(path);
  EXPECT_EQ(view.roles().at("z"), VariableRole::fixed);
  const Source source = view.source(*view.file().find("z"));
  EXPECT_EQ(source.grid->longitude, (std::vector<double>{1, 2, 3}));
  EXPECT_EQ(source.longitude, "lon");
}

TEST(Source, BlocksFollowTheStorage) {
  Source source;
  source.layout.time = 0;
  source.layout.latitude = 1;
  source.layout.longitude = 2;
  source.variable.dims = {{"time", 100}, {"lat", 1000}, {"lon", 1000}};
  source.grid =
      std::make_shared<grid::Grid>(grid::Grid{std::vector<double>(1000), std::vector<double>(1000)});
  EXPECT_EQ(source.block_steps(), 1);
  source.variable.chunk = {20, 10, 10};
  EXPECT_EQ(source.block_steps(), 20);
  source.variable.chunk = {512, 10, 10};  // an unlimited dimension may have chunks longer than the data
  EXPECT_EQ(source.block_steps(), 100);
  source.variable.chunk.clear();
  source.layout.time = 2;
  source.layout.longitude = 0;
  EXPECT_EQ(source.block_steps(), 8);  // 32 MB of 4 MB fields
}

}  // namespace
}  // namespace seqvit::data
