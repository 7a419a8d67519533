#include "data/inspect.h"

#include <array>
#include <csignal>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "core/stop.h"
#include "data/dataset_fixture.h"
#include "data/moments.h"

namespace seqvit::data {
namespace {

class InspectTest : public DatasetTest {
 protected:
  /// The one problem whose message has `words`; fails when there is none or it is not of this severity.
  static void expect_problem(const InspectReport& report, const std::string& severity,
                             const std::string& file, const std::string& variable,
                             std::initializer_list<std::string> words) {
    for (const Problem& problem : report.problems) {
      const bool all = std::all_of(words.begin(), words.end(), [&](const std::string& word) {
        return (problem.message + " | " + problem.fix).find(word) != std::string::npos;
      });
      if (!all) continue;
      EXPECT_EQ(problem.severity, severity) << problem.message;
      EXPECT_EQ(problem.file, file) << problem.message;
      EXPECT_EQ(problem.variable, variable) << problem.message;
      EXPECT_FALSE(problem.fix.empty()) << problem.message;
      return;
    }
    ADD_FAILURE() << "no problem with '" << *words.begin() << "' in:\n" << report.to_text();
  }

  /// A file with one variable "t" of these raw values on two points, at hours 0, 6, 12, ...
  std::string write_values(const std::string& name, const std::vector<double>& values) {
    const std::string path = directory_ / name;
    NetcdfBuilder file(path, NC_NETCDF4);
    std::vector<double> hours;
    for (size_t t = 0; t < values.size() / 2; ++t)
      hours.push_back(6.0 * static_cast<double>(t));
    file.coordinate("time", hours, "hours since 2000-01-01");
    file.coordinate("lat", {0}, "degrees_north");
    file.coordinate("lon", {0, 10}, "degrees_east");
    const int id = file.variable("t", NC_DOUBLE, {"time", "lat", "lon"});
    file.put(id, values);
    return path;
  }
};

TEST_F(InspectTest, GoodFileHasNoProblems) {
  GridFile file;
  file.variables = {"u", "v"};
  file.statics = {"z"};
  file.levels = {850, 500};
  const std::string path = write("a.nc", file);
  const InspectReport report = inspect_files({path});
  EXPECT_TRUE(report.problems.empty()) << report.to_text();
  ASSERT_EQ(report.variables.size(), 3U);
  EXPECT_EQ(report.variables[0].role, "field");
  EXPECT_EQ(report.variables[2].role, "static");
  EXPECT_EQ(report.variables[0].levels, (std::vector<double>{850, 500}));
  ASSERT_EQ(report.files.size(), 1U);
  EXPECT_EQ(report.files[0].step, "6h");
  const std::string text = report.to_text();
  for (const char* word : {"4 times, 2000-01-01T00:00:00 to 2000-01-01T18:00:00, step 6h", "5 x 6",
                           "u@850, u@500", "No problems"}) {
    EXPECT_NE(text.find(word), std::string::npos) << word << " not in\n" << text;
  }
}

TEST_F(InspectTest, FiguresOfEveryLayout) {
  for (const char* order : {"tlyx", "xylt", "yltx"}) {
    GridFile file;
    file.order = order;
    file.levels = {850, 500};
    file.missing_where = 60;
    const InspectReport report = inspect_files({write("a.nc", file)});
    const VariableReport& air = report.variables.at(0);
    RunningMoments expected;
    for (const double hour : file.hours)
      for (const double level : file.levels)
        for (const double latitude : file.latitude)
          for (const double longitude : file.longitude) {
            if (longitude == 60) continue;
            const double value = static_cast<float>(GridFile::value(0, hour, level, latitude, longitude));
            expected.add(std::span(&value, 1));
          }
    EXPECT_NEAR(air.mean, expected.mean(), 1e-9);
    EXPECT_NEAR(air.std, expected.std(), 1e-9);
    EXPECT_EQ(air.min, expected.min());
    EXPECT_EQ(air.max, expected.max());
    EXPECT_DOUBLE_EQ(air.missing_fraction, 1.0 / 6);
    expect_problem(report, "warning", directory_ / "a.nc", "air",
                   {"16.7 % of the points are always missing", "fixed mask", "loss"});
  }
}

TEST_F(InspectTest, LargeVariablesAreReadInPieces) {
  GridFile file;
  file.latitude.clear();
  file.longitude.clear();
  for (int y = 0; y < 180; ++y)
    file.latitude.push_back(-89.5 + y);
  for (int x = 0; x < 360; ++x)
    file.longitude.push_back(x);
  file.hours.clear();
  for (int t = 0; t < 100; ++t)
    file.hours.push_back(t);  // 6.5 million values, the piece holds 4 million
  file.chunk = {7, 90, 360};
  file.missing_where = 359;
  const InspectReport report = inspect_files({write("a.nc", file)});
  EXPECT_DOUBLE_EQ(report.variables.at(0).missing_fraction, 1.0 / 360);
  expect_problem(report, "warning", directory_ / "a.nc", "air", {"0.278 % of the points are always missing"});
}

TEST_F(InspectTest, ValuesThatCannotBeTrainedOn) {
  const std::string path = directory_ / "a.nc";
  expect_problem(inspect_files({write_values("a.nc", {3, 3, 3, 3})}), "error", path, "t",
                 {"every value is 3", "data.variables"});
  expect_problem(inspect_files({write_values("a.nc", {NAN, NAN, NAN, NAN})}), "error", path, "t",
                 {"every value is missing"});
  expect_problem(inspect_files({write_values("a.nc", {1, NAN, 2, 3, NAN, 5})}), "warning", path, "t",
                 {"100 % of the points are missing at some times only", "0 % always"});
  const InspectReport report = inspect_files({write_values("a.nc", {NAN, NAN, NAN, NAN})});
  EXPECT_TRUE(std::isnan(report.variables[0].mean));
  EXPECT_TRUE(report.to_json()["variables"][0]["mean"].is_null() ||
              std::isnan(report.to_json()["variables"][0]["mean"].get<double>()));
  EXPECT_NE(report.to_text().find("must be mended"), std::string::npos);
}

/// Nobody is given a static field without naming it.
TEST_F(InspectTest, AStaticFieldOfOneValueIsNoReasonNotToTrain) {
  const std::string path = directory_ / "a.nc";
  {
    NetcdfBuilder builder(path, NC_NETCDF4);
    builder.coordinate("time", {0, 6}, "hours since 2000-01-01");
    builder.coordinate("lat", {0, 1}, "degrees_north");
    builder.coordinate("lon", {0, 1}, "degrees_east");
    builder.put(builder.variable("t", NC_DOUBLE, {"time", "lat", "lon"}), {1, 2, 3, 4, 5, 6, 7, 8});
    builder.put(builder.variable("mask", NC_DOUBLE, {"lat", "lon"}), {1, 1, 1, 1});
  }
  const InspectReport report = inspect_files({path});
  expect_problem(report, "warning", path, "mask", {"every value is 1", "data.static"});
  EXPECT_EQ(report.error_line(), "");
}

TEST_F(InspectTest, InfiniteValuesAreMissingOnes) {
  const std::string path = directory_ / "a.nc";
  const InspectReport report =
      inspect_files({write_values("a.nc", {1, 2, 3, -1e39, INFINITY, 6, 7, 8, 9, -INFINITY})});
  expect_problem(report, "warning", path, "t",
                 {"3 of 10 values (30 %) are infinite",
                  "first at 2000-01-01T06:00:00, latitude 0, longitude 10", "missing"});
  EXPECT_EQ(report.error_line(), "");
  const VariableReport& t = report.variables.at(0);
  EXPECT_EQ(t.infinite, 3);
  EXPECT_DOUBLE_EQ(t.missing_fraction, 0.3);
  EXPECT_EQ(t.max, 9.0);
  EXPECT_EQ(report.to_json()["variables"][0]["infinite"], 3);
  const InspectReport all = inspect_files({write_values("a.nc", {INFINITY, -INFINITY, INFINITY, INFINITY})});
  expect_problem(all, "error", path, "t", {"every value is missing"});
}

/// What `train` refuses whatever its settings are.
TEST_F(InspectTest, WhatCannotBeTrainedOn) {
  const auto expect_refused = [&](const std::string& path) {
    EXPECT_ERROR(Dataset({{path}, {}, {}}), Exit::data, path);
  };
  GridFile file;
  file.hours = {6};
  const std::string once = write("once.nc", file);
  expect_problem(inspect_files({once}), "error", once, "time", {"one time only", "start a forecast"});
  file.variables = {"wind"};
  expect_problem(inspect_files({once, write("other.nc", file)}), "error", once, "time", {"one time only"});
  GridFile fixed;
  fixed.variables = {};
  fixed.statics = {"z"};
  const std::string never = write("never.nc", fixed);
  expect_problem(inspect_files({never}), "error", never, "",
                 {"no variable has a time dimension", "data.static"});
  expect_refused(never);
  EXPECT_TRUE(inspect_files({never, write("series.nc")}).problems.empty());
}

/// Their values are never read: that would take weeks.
TEST_F(InspectTest, VariablesThatWereNeverWritten) {
  const std::string path = directory_ / "empty.nc";
  {
    NetcdfBuilder file(path, NC_NETCDF4);
    file.coordinate("lat", {10, 20}, "degrees_north");
    file.coordinate("lon", {10, 20, 30}, "degrees_east");
    file.coordinate("time", {0, 6}, "hours since 2000-01-01");
    file.dim("level", size_t{1} << 40);
    file.variable("t", NC_FLOAT, {"time", "level", "lat", "lon"});
    file.variable("level", NC_FLOAT, {"level"});
    file.variable("u", NC_FLOAT, {"time", "lat", "lon"});
  }
  const InspectReport report = inspect_files({path});
  expect_problem(report, "error", path, "t", {"nearly all were never written", "ncks -d"});
  expect_problem(report, "error", path, "u", {"every value is missing"});
  EXPECT_ERROR(Dataset({{path}, {"t@1"}, {}}), Exit::data, path, "never written");
}

TEST_F(InspectTest, ValuesThatCannotBeReadAreAnError) {
  GridFile file;
  file.chunk = {1, 5, 6};
  const std::string bad = write("bad.nc", file);
  file.hours = {24, 30};
  const std::string good = write("good.nc", file);
  damage_last_chunk(bad);
  const InspectReport report = inspect_files({bad, good});
  expect_problem(report, "error", bad, "air", {"cannot read values", "damaged"});
  EXPECT_EQ(report.files.size(), 2U);
  EXPECT_EQ(report.error_line().find("more"), std::string::npos) << report.error_line();
  EXPECT_TRUE(report.error_line().starts_with(bad + ": air: cannot read values")) << report.error_line();
}

TEST_F(InspectTest, StoppedWhileReading) {
  write("a.nc");
  install_stop_handlers();
  std::raise(SIGTERM);
  EXPECT_ERROR(inspect_files({directory_ / "a.nc"}), Exit::success, "stopped");
  clear_stop_request();
}

TEST_F(InspectTest, TimesWithinAFile) {
  const std::string path = directory_ / "a.nc";
  GridFile file;
  file.hours = {0, 6, 12, 36, 42, 48, 96};
  expect_problem(
      inspect_files({write("a.nc", file)}), "warning", path, "time",
      {"2 gaps", "10 fields missing", "2000-01-01T12:00:00 and 2000-01-02T12:00:00", "step is 6h"});
  file.hours = {0, 6, 6, 12};
  expect_problem(inspect_files({write("a.nc", file)}), "error", path, "time",
                 {"1 duplicated", "index 2", "drop_duplicates"});
  file.hours = {0, 12, 6, 18};
  expect_problem(inspect_files({write("a.nc", file)}), "error", path, "time",
                 {"0 duplicated, 1 before", "sortby"});
  file.hours = {0, 1, 5, 7, 20, 44};
  expect_problem(inspect_files({write("a.nc", file)}), "warning", path, "time", {"no regular step"});
  file.hours = {0, 6, 12, 15, 21, 27};
  expect_problem(inspect_files({write("a.nc", file)}), "warning", path, "time", {"1 times come earlier"});
  file.time_units = "fortnights since 2000-01-01";
  const InspectReport report = inspect_files({write("a.nc", file)});
  expect_problem(report, "error", path, "air", {"fortnights"});
  EXPECT_EQ(report.variables.size(), 1U) << "the values are still reported";
}

TEST_F(InspectTest, TimesOfSeveralFiles) {
  GridFile first, second, third;
  second.hours = {24, 30};
  third.hours = {48, 54};
  const std::string a = write("a.nc", first), b = write("b.nc", second), c = write("c.nc", third);
  EXPECT_TRUE(inspect_files({b, a}).problems.empty());
  expect_problem(inspect_files({c, b, a}), "warning", c, "time", {"1 gap", "2 fields missing"});
  second.hours = {18, 24};
  expect_problem(inspect_files({a, write("b.nc", second)}), "error", b, "time",
                 {"begins at 2000-01-01T18:00:00", a, "overlap"});
  second.hours = {24, 30};
  second.calendar = "360_day";
  expect_problem(inspect_files({a, write("b.nc", second)}), "error", b, "time",
                 {"calendar 360_day differs from standard", a});
}

TEST_F(InspectTest, GridsOfSeveralFiles) {
  GridFile first, second;
  second.hours = {24, 30};
  std::reverse(second.latitude.begin(), second.latitude.end());
  const std::string a = write("a.nc", first);
  EXPECT_TRUE(inspect_files({a, write("b.nc", second)}).problems.empty()) << "orientation is no problem";
  second.latitude = {60, 50};
  const std::string b = write("b.nc", second);
  expect_problem(inspect_files({a, b}), "error", b, "", {"(2 x 6) differs", a, "(5 x 6)", "remapbil"});
  second = {};
  second.units = "m";
  second.hours = {24};
  expect_problem(inspect_files({a, write("b.nc", second)}), "error", b, "",
                 {"expected units 'K'", "found 'm'"});
  GridFile cyclic;
  cyclic.longitude = {0, 60, 120, 180, 240, 300, 360};
  expect_problem(inspect_files({write("c.nc", cyclic)}), "warning", directory_ / "c.nc", "",
                 {"last column repeats the first"});
}

TEST_F(InspectTest, StaticFieldsBesideLongSeries) {
  GridFile fixed;
  fixed.variables = {"z"};
  fixed.hours = {-1000};
  EXPECT_TRUE(inspect_files({write("a.nc"), write("z.nc", fixed)}).problems.empty());
}

TEST_F(InspectTest, ChunksThatMakeRandomAccessSlow) {
  GridFile file;
  file.chunk = {4, 5, 3};
  const std::string path = write("a.nc", file);
  EXPECT_TRUE(inspect_files({path}).problems.empty());
  const int64_t decoded = 4 * 30 * 4;
  EXPECT_TRUE(inspect_files({path}, decoded).problems.empty());
  expect_problem(inspect_files({path}, decoded - 1), "warning", path, "air",
                 {"chunks span 4 times", "nccopy -c time/1,lat/5,lon/6 " + path});
  file.chunk = {1, 5, 6};
  EXPECT_TRUE(inspect_files({write("a.nc", file)}, 0).problems.empty());
}

TEST_F(InspectTest, WhatIsNotAGrid) {
  const std::string path = directory_ / "a.nc";
  {
    NetcdfBuilder file(path, NC_NETCDF4);
    file.coordinate("time", {0, 1}, "days since 2000-01-01");
    file.dim("station", 3);
    file.variable("rain", NC_FLOAT, {"station", "time"});
    file.coordinate("lat", {10, 20}, "degrees_north");
    file.coordinate("lon", {10, 20}, "degrees_east");
    file.dim("member", 4);
    file.variable("snow", NC_FLOAT, {"member", "lat", "lon"});
  }
  const InspectReport report = inspect_files({path});
  EXPECT_TRUE(report.variables.empty());
  expect_problem(report, "warning", path, "rain", {"found (station, time)", "remapbil"});
  expect_problem(report, "error", path, "snow", {"'member' is none of", "data.select: {member: 0}"});
  EXPECT_NE(report.error_line().find("data.select"), std::string::npos) << report.error_line();
}

TEST_F(InspectTest, EveryFileIsLookedAt) {
  const std::string good = write("good.nc"), none = directory_ / "none.nc", page = directory_ / "page.nc";
  write_text(page, "<!DOCTYPE html><title>Log in</title>", Exit::data);
  const InspectReport report = inspect_files({none, good, page});
  ASSERT_EQ(report.files.size(), 3);
  EXPECT_EQ(report.variables.size(), 1);
  expect_problem(report, "error", none, "", {"nothing there", "check the path"});
  expect_problem(report, "error", page, "", {"an HTML page", "download the file again"});
  EXPECT_NE(report.error_line().find("none.nc"), std::string::npos);
  EXPECT_FALSE(report.to_text().empty());
  EXPECT_ERROR(Dataset({.files = {none, good, page}}), Exit::data, "none.nc", "1 more of the 3 files");
}

/// Values of a type that a program made itself are named, not passed over.
TEST_F(InspectTest, UserTypesAreNamed) {
  const std::string path = write("a.nc");
  {
    int id = -1, type = -1, variable = -1, dims[3] = {};
    ASSERT_EQ(nc_open(path.c_str(), NC_WRITE, &id), NC_NOERR);
    nc_redef(id);
    nc_def_enum(id, NC_BYTE, "cloud_type", &type);
    const signed char value = 1;
    nc_insert_enum(id, type, "cirrus", &value);
    constexpr std::array<const char*, 3> kNames = {"time", "lat", "lon"};
    for (size_t d = 0; d < kNames.size(); ++d)
      nc_inq_dimid(id, kNames[d], &dims[d]);
    ASSERT_EQ(nc_def_var(id, "cloud", type, 3, dims, &variable), NC_NOERR);
    nc_close(id);
  }
  const InspectReport report = inspect_files({path});
  expect_problem(report, "warning", path, "cloud", {"enum cloud_type", "not read"});
}

TEST_F(InspectTest, JsonHasTheSchema) {
  const std::string path = write_values("a.nc", {3, 3, 3, 3});
  const nlohmann::json json = inspect_files({path}).to_json();
  for (const char* key :
       {"name", "file", "dims", "shape", "units", "missing_fraction", "min", "max", "mean", "std"}) {
    EXPECT_TRUE(json["variables"][0].contains(key)) << key;
  }
  for (const char* key : {"severity", "file", "variable", "message", "fix"})
    EXPECT_TRUE(json["problems"][0].contains(key)) << key;
  EXPECT_EQ(json["variables"][0]["shape"], nlohmann::json({2, 1, 2}));
  EXPECT_EQ(json["files"][0]["first"], "2000-01-01T00:00:00");
}

TEST_F(InspectTest, TextSaysTheSameOnce) {
  GridFile file;
  file.variables = {"u", "v", "w"};
  file.missing_where = 0;
  const std::string text = inspect_files({write("a.nc", file)}).to_text();
  EXPECT_NE(text.find("u, v, w: 16.7 %"), std::string::npos) << text;
  EXPECT_EQ(text.find("fixed mask"), text.rfind("fixed mask")) << text;
}

}  // namespace
}  // namespace seqvit::data
