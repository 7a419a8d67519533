#include "data/inspect_values.h"

#include <gtest/gtest.h>

#include "data/dataset_fixture.h"
#include "data/source.h"

namespace seqvit::data {
namespace {

using InspectValuesTest = DatasetTest;

TEST_F(InspectValuesTest, PiecesOfAnySizeGiveTheSame) {
  for (const char* order : {"tlyx", "xylt", "yltx"}) {
    for (const bool chunked : {false, true}) {
      GridFile file;
      file.order = order;
      file.levels = {850, 500, 300};
      file.missing_where = 60;
      if (chunked) file.chunk = {2, 2, 2, 2};
      FileView view(write("a.nc", file));
      const FileVariable& air = *view.file().find("air");
      const GridLayout layout = find_layout(air, view.axes());
      const ValueSummary whole = summarise_values(view.file(), air, layout);
      EXPECT_EQ(whole.values, 4 * 3 * 5 * 6);
      EXPECT_EQ(whole.points, 3 * 5 * 6);
      EXPECT_EQ(whole.always_missing, 3 * 5);
      EXPECT_EQ(whole.sometimes_missing, 0);
      for (const int64_t size : {1, 2, 5, 7, 24, 31, 90, 200}) {
        const ValueSummary pieces = summarise_values(view.file(), air, layout, size);
        EXPECT_EQ(pieces.moments.count(), whole.moments.count()) << order << size;
        EXPECT_NEAR(pieces.moments.mean(), whole.moments.mean(), 1e-10);
        EXPECT_NEAR(pieces.moments.std(), whole.moments.std(), 1e-10);
        EXPECT_EQ(pieces.always_missing, whole.always_missing) << order << size;
        EXPECT_EQ(pieces.sometimes_missing, whole.sometimes_missing) << order << size;
      }
    }
  }
}

TEST_F(InspectValuesTest, PiecesKnowWhichPointIsMissing) {
  // Two points of five always missing, one of them at one of two times.
  const std::string path = directory_ / "a.nc";
  {
    NetcdfBuilder builder(path, NC_NETCDF4);
    builder.coordinate("time", {0, 6}, "hours since 2000-01-01");
    builder.coordinate("lat", {0}, "degrees_north");
    builder.coordinate("lon", {0, 1, 2, 3, 4}, "degrees_east");
    builder.put(builder.variable("t", NC_DOUBLE, {"time", "lat", "lon"}),
                {1, NAN, 2, NAN, 3, 1, NAN, 2, NAN, NAN});
  }
  const FileView view(path);
  const FileVariable& t = *view.file().find("t");
  for (const int64_t size : {1, 2, 3, 100}) {
    const ValueSummary summary = summarise_values(view.file(), t, find_layout(t, view.axes()), size);
    EXPECT_EQ(summary.always_missing, 2) << size;
    EXPECT_EQ(summary.sometimes_missing, 1) << size;
  }
}

/// ERA5's last months come a second time, where the first version is missing; CF's limits say what is valid.
TEST_F(InspectValuesTest, VersionsAreOneAndLimitsAreCounted) {
  const std::string path = directory_ / "a.nc";
  {
    NetcdfBuilder builder(path, NC_NETCDF4);
    builder.coordinate("time", {0, 6}, "hours since 2000-01-01");
    builder.coordinate("expver", {1, 5}, "");
    builder.coordinate("lat", {0}, "degrees_north");
    builder.coordinate("lon", {0, 1, 2}, "degrees_east");
    const int t = builder.variable("t", NC_DOUBLE, {"time", "expver", "lat", "lon"});
    builder.number(t, "valid_range", NC_DOUBLE, {0, 10});
    builder.put(t, {1, 2, 3, NAN, NAN, NAN, NAN, NAN, NAN, 4, 50, NAN});
  }
  const FileView view(path);
  const FileVariable& t = *view.file().find("t");
  for (const int64_t size : {1, 2, 100}) {
    const ValueSummary summary = summarise_values(view.file(), t, find_layout(t, view.axes()), size);
    EXPECT_EQ(summary.values, 6) << size;
    EXPECT_EQ(summary.moments.count(), 4) << size;
    EXPECT_EQ(summary.outside, 1) << size;
    EXPECT_EQ(summary.sometimes_missing, 2) << size;
  }
}

/// One member of an ensemble: another has other values, and misses others.
TEST_F(InspectValuesTest, OnlyWhatIsSelectedCounts) {
  const std::string path = directory_ / "a.nc";
  {
    NetcdfBuilder builder(path, NC_NETCDF4);
    builder.coordinate("member", {3, 7}, "");
    builder.coordinate("time", {0, 6}, "hours since 2000-01-01");
    builder.coordinate("lat", {0}, "degrees_north");
    builder.coordinate("lon", {0, 1, 2}, "degrees_east");
    builder.put(builder.variable("t", NC_DOUBLE, {"time", "member", "lat", "lon"}),
                {NAN, NAN, 100, 1, 2, 3, 100, 100, NAN, 4, NAN, 6});
  }
  FileReading reading;
  reading.select["member"] = 7;
  const FileView view(path, reading);
  const FileVariable& t = *view.file().find("t");
  for (const int64_t size : {1, 2, 4, 100}) {
    const ValueSummary summary = summarise_values(view.file(), t, find_layout(t, view.axes()), size);
    EXPECT_EQ(summary.values, 6) << size;
    EXPECT_EQ(summary.points, 3) << size;
    EXPECT_EQ(summary.moments.count(), 5) << size;
    EXPECT_EQ(summary.moments.max(), 6) << size;
    EXPECT_EQ(summary.sometimes_missing, 1) << size;
    EXPECT_EQ(summary.always_missing, 0) << size;
  }
}

}  // namespace
}  // namespace seqvit::data
