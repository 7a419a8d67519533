#include "data/grid_layout.h"

#include <gtest/gtest.h>

#include "data/netcdf.h"
#include "data/netcdf_builder.h"
#include "support/errors.h"
#include "support/temporary_directory.h"

namespace seqvit::data {
namespace {

using Dims = std::vector<std::string>;

class GridLayouts : public testing::Test {
 protected:
  GridLayouts() : file_(path(), NC_NETCDF4) {}

  void dims(const std::vector<std::pair<std::string, size_t>>& all) {
    for (const auto& [name, size] : all)
      file_.dim(name, size);
  }
  int variable(const std::string& name, const Dims& dims,
               const std::map<std::string, std::string>& attributes = {}) {
    const int id = file_.variable(name, NC_FLOAT, dims);
    for (const auto& [key, value] : attributes)
      file_.text(id, key, value);
    return id;
  }

  /// Of variable "a", once the file is written.
  GridLayout layout(const FileReading& reading = {}) {
    nc_sync(file_.id());
    const NetcdfFile file(path());
    return find_layout(*file.find("a"), find_axes(file, reading));
  }
  std::string path() const { return directory_ / "a.nc"; }

  TemporaryDirectory directory_;
  NetcdfBuilder file_;
};

TEST_F(GridLayouts, OfRotatedPolesArePointsWithPlacesOfTheirOwn) {
  dims({{"time", 2}, {"rlat", 3}, {"rlon", 4}});
  variable("time", {"time"}, {{"units", "days since 2000-01-01"}});
  variable("rlat", {"rlat"}, {{"standard_name", "grid_latitude"}, {"units", "degrees"}});
  variable("rlon", {"rlon"}, {{"standard_name", "grid_longitude"}, {"units", "degrees"}});
  variable("lat", {"rlat", "rlon"}, {{"standard_name", "latitude"}, {"units", "degrees_north"}});
  variable("lon", {"rlat", "rlon"}, {{"standard_name", "longitude"}, {"units", "degrees_east"}});
  variable("a", {"time", "rlat", "rlon"}, {{"coordinates", "lon lat"}});
  const GridLayout found = layout();
  EXPECT_EQ(found.problem, "");
  EXPECT_EQ(found.kind, grid::GridKind::curvilinear);
  EXPECT_EQ(found.point_latitude, "lat");
  EXPECT_EQ(found.latitude, 1);
  EXPECT_EQ(found.longitude, 2);
}

TEST_F(GridLayouts, RotatedDegreesAreNeverTakenForGeographicOnes) {
  dims({{"time", 2}, {"rlat", 3}, {"rlon", 4}});
  variable("time", {"time"}, {{"units", "days since 2000-01-01"}});
  variable("rlat", {"rlat"}, {{"units", "degrees"}, {"axis", "Y"}});
  variable("rlon", {"rlon"}, {{"units", "degrees"}, {"axis", "X"}});
  variable("rotated_pole", {}, {{"grid_mapping_name", "rotated_latitude_longitude"}});
  variable("a", {"time", "rlat", "rlon"}, {{"grid_mapping", "rotated_pole"}});
  const GridLayout found = layout();
  EXPECT_NE(found.problem.find("no latitudes and longitudes"), std::string::npos) << found.problem;
  EXPECT_NE(found.fix.find("data.grid: index"), std::string::npos);
}

TEST_F(GridLayouts, OceanAndWeatherModelsUsualNames) {
  dims({{"Time", 2}, {"south_north", 3}, {"west_east", 4}, {"time_counter", 2}, {"y", 5}, {"x", 6}});
  variable("XTIME", {"Time"}, {{"units", "minutes since 2000-01-01"}});
  variable("XLAT", {"Time", "south_north", "west_east"}, {{"units", "degree_north"}});
  variable("XLONG", {"Time", "south_north", "west_east"}, {{"units", "degree_east"}});
  variable("time_counter", {"time_counter"}, {{"units", "seconds since 2000-01-01"}});
  variable("nav_lat", {"y", "x"});
  variable("nav_lon", {"y", "x"});
  variable("a", {"Time", "south_north", "west_east"});
  variable("b", {"time_counter", "y", "x"}, {{"coordinates", "nav_lat nav_lon"}});
  EXPECT_EQ(layout().point_latitude, "XLAT");
  const NetcdfFile file(path());
  const GridLayout ocean = find_layout(*file.find("b"), find_axes(file));
  EXPECT_EQ(ocean.problem, "");
  EXPECT_EQ(ocean.point_longitude, "nav_lon");
  EXPECT_EQ(ocean.time, 0);
}

TEST_F(GridLayouts, WithoutCoordinatesTheFixIsNamed) {
  dims({{"t", 3}, {"y", 4}, {"x", 5}});
  variable("t", {"t"}, {{"units", "days since 2000-01-01"}});
  variable("a", {"t", "y", "x"});
  EXPECT_NE(layout().fix.find("data.grid: index"), std::string::npos) << layout().problem;
  EXPECT_EQ(layout({.index_grid = true}).problem, "");
  EXPECT_EQ(layout({.index_grid = true}).kind, grid::GridKind::index);
}

TEST_F(GridLayouts, ByIndexAnUnnamedFirstDimensionIsTime) {
  dims({{"sample", 7}, {"channel", 3}, {"height", 8}, {"width", 9}});
  variable("a", {"sample", "channel", "height", "width"});
  const GridLayout found = layout({.index_grid = true});
  EXPECT_EQ(found.problem, "");
  EXPECT_EQ(found.time, 0);
  EXPECT_EQ(found.latitude, 2) << "a side of the picture that is called height";
  EXPECT_EQ(found.longitude, 3);
  EXPECT_EQ(found.level, 1);
}

TEST_F(GridLayouts, AFurtherDimensionIsAskedFor) {
  dims({{"time", 2}, {"number", 10}, {"lat", 3}, {"lon", 4}});
  variable("time", {"time"}, {{"units", "days since 2000-01-01"}});
  variable("lat", {"lat"}, {{"units", "degrees_north"}});
  variable("lon", {"lon"}, {{"units", "degrees_east"}});
  variable("a", {"time", "number", "lat", "lon"});
  EXPECT_NE(layout().fix.find("data.select: {number: 0}"), std::string::npos) << layout().fix;
  const GridLayout found = layout({.select = {{"number", 4}}});
  EXPECT_EQ(found.problem, "");
  EXPECT_EQ(found.selected, (std::map<int, int64_t>{{1, 4}}));
}

TEST_F(GridLayouts, VersionsOfReanalysesAreMerged) {
  dims({{"time", 2}, {"expver", 2}, {"latitude", 3}, {"longitude", 4}});
  variable("time", {"time"}, {{"units", "hours since 1900-01-01"}});
  variable("expver", {"expver"});
  variable("latitude", {"latitude"}, {{"units", "degrees_north"}});
  variable("longitude", {"longitude"}, {{"units", "degrees_east"}});
  variable("a", {"time", "expver", "latitude", "longitude"});
  EXPECT_EQ(layout().problem, "");
  EXPECT_EQ(layout().merged, 1);
}

}  // namespace
}  // namespace seqvit::data
