#include "data/coordinates.h"

#include <gtest/gtest.h>

#include "data/netcdf.h"
#include "data/netcdf_builder.h"
#include "support/errors.h"
#include "support/temporary_directory.h"

namespace seqvit::data {
namespace {

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
  return find_axes(file).dims.at(name).role;
}

TEST(FindAxes, AttributesBeforeNames) {
  EXPECT_EQ(role_of("p", {{"standard_name", "latitude"}}), DimRole::latitude);
  EXPECT_EQ(role_of("FNOCX", {{"units", "degrees_east"}}), DimRole::longitude);
  EXPECT_EQ(role_of("FNOCY", {{"units", "degreesN"}}), DimRole::latitude);
  EXPECT_EQ(role_of("lat", {{"units", "degrees_east"}}), DimRole::longitude);
  EXPECT_EQ(role_of("a", {{"axis", "Y"}}), DimRole::latitude);
  EXPECT_EQ(role_of("a", {{"axis", "Y"}, {"units", "m"}}), DimRole::row);
  EXPECT_EQ(role_of("lat", {{"standard_name", "grid_latitude"}, {"units", "degrees"}}), DimRole::row)
      << "rotated degrees are no latitudes";
  EXPECT_EQ(role_of("a", {{"axis", "T"}}), DimRole::time);
  EXPECT_EQ(role_of("a", {{"units", "hour since 1980-01-14 14:00:00"}}), DimRole::time);
  EXPECT_EQ(role_of("a", {{"axis", "Z"}}), DimRole::level);
  EXPECT_EQ(role_of("a", {{"positive", "down"}}), DimRole::level);
  EXPECT_EQ(role_of("a", {{"units", "hPa"}}), DimRole::level);
  EXPECT_EQ(role_of("number", {{"units", "1"}}), DimRole::other);
}

TEST(FindAxes, UnitsOfLatitudesAsPeopleWriteThem) {
  for (const char* units : {"degrees_north", "degree_north", "degrees north", "degree_N", "deg_north",
                            "Degrees_N", "deg N", "\u00b0N"})
    EXPECT_EQ(role_of("p", {{"units", units}}), DimRole::latitude) << units;
  for (const char* units : {"degrees_east", "degrees east", "degree_E", "deg_east"})
    EXPECT_EQ(role_of("p", {{"units", units}}), DimRole::longitude) << units;
  for (const char* units : {"degrees", "decimal degrees", "degree", "", "\u00b0", "radians", "rad"})
    EXPECT_EQ(role_of("lat", {{"units", units}}), DimRole::latitude) << units;
}

TEST(FindAxes, UsualNames) {
  for (const char* name : {"lat", "latitude", "LAT", "nlat"})
    EXPECT_EQ(role_of(name, {}), DimRole::latitude) << name;
  for (const char* name : {"lon", "longitude", "Longitude", "nlon"})
    EXPECT_EQ(role_of(name, {}), DimRole::longitude) << name;
  for (const char* name : {"level", "lev", "plev", "isobaricInhPa", "pressure_level", "height"}) {
    EXPECT_EQ(role_of(name, {}), DimRole::level) << name;
  }
  for (const char* name : {"time", "timestep", "month", "Times", "t"})
    EXPECT_EQ(role_of(name, {}), DimRole::time) << name;
  for (const char* name : {"y", "rlat", "south_north", "j"})
    EXPECT_EQ(role_of(name, {}), DimRole::row) << name;
  EXPECT_EQ(role_of("x", {{"units", "m"}}), DimRole::column);
  EXPECT_EQ(role_of("y", {{"units", "degrees"}}), DimRole::latitude);
  EXPECT_EQ(role_of("y", {{"units", "rad"}}), DimRole::row) << "as of GOES";
  EXPECT_EQ(role_of("station", {}), DimRole::other);
}

TEST(FindAxes, SelectsByValueOrByIndex) {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.nc";
  {
    NetcdfBuilder file(path, 0);
    file.coordinate("number", {5, 7, 9}, "1");
    file.dim("band", 4);
    file.variable("a", NC_DOUBLE, {"number", "band"});
  }
  const NetcdfFile file(path);
  EXPECT_EQ(find_axes(file, {.select = {{"number", 7}, {"band", 3}}}).selected,
            (std::map<std::string, int64_t>{{"number", 1}, {"band", 3}}));
  EXPECT_ERROR(find_axes(file, {.select = {{"number", 6}}}), Exit::usage, "data.select.number", "5, 7, 9",
               "6");
  EXPECT_ERROR(find_axes(file, {.select = {{"band", 4}}}), Exit::usage, "data.select.band", "0 to 3");
}

}  // namespace
}  // namespace seqvit::data
