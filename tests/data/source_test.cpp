#include "data/source.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "data/netcdf_builder.h"
#include "support/errors.h"
#include "support/temporary_directory.h"

namespace seqvit::data {
namespace {

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
