// Several files as one data set: chained in time, merged by variable, grids turned round; and every way it
// can fail.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <random>

#include <gtest/gtest.h>

#include "data/dataset_fixture.h"
#include "data/inspect.h"

namespace seqvit::data {
namespace {

GridFile at_hours(std::vector<double> hours, std::vector<std::string> variables = {"air"}) {
  GridFile file;
  file.hours = std::move(hours);
  file.variables = std::move(variables);
  return file;
}

TEST_F(DatasetTest, FilesFollowOneAnotherInTime) {
  const std::string a = write("a.nc", at_hours({0, 6})), b = write("b.nc", at_hours({12})),
                    c = write("c.nc", at_hours({48, 54}));
  const Dataset dataset({{c, a, b}, {}, {}});
  EXPECT_EQ(dataset.times().size(), 5U);
  EXPECT_EQ(hour(dataset, 3), 48);
  EXPECT_EQ(dataset.paths(), (std::vector<std::string>{c, a, b}));
  expect_formula(dataset, 0, 0);
}

/// Means of months: one file dates them by their first day, another by their middle.
TEST_F(DatasetTest, VariablesOfTheSameMonthsGoTogether) {
  GridFile first = at_hours({0, 31, 60}, {"air"}), middle = at_hours({15, 45, 75}, {"sky"});
  first.time_units = middle.time_units = "days since 2000-01-01";
  DatasetOptions options;
  options.files = {write("a.nc", first), write("b.nc", middle)};
  EXPECT_ERROR(Dataset(options), Exit::data, "expected the times of 'air'");
  EXPECT_EQ(inspect_files(options.files).error_line(), "");
  options.monthly = true;
  const Dataset dataset(options);
  EXPECT_EQ(dataset.times().size(), 3U);
  EXPECT_EQ(dataset.variables().size(), 2U);
  middle.hours[2] = 95;  // April
  write("b.nc", middle);
  EXPECT_ERROR(Dataset(options), Exit::data, "expected the times of 'air'");
}

TEST_F(DatasetTest, PatternsFindFilesOnce) {
  write("a.nc", at_hours({0, 6}));
  write("b.nc", at_hours({12}));
  const std::string pattern = directory_ / "*.nc";
  expect_formula(Dataset({{pattern, directory_ / "a.nc", directory_ / "./b.nc"}, {}, {}}), 0, 0);
  EXPECT_ERROR(Dataset({{directory_ / "*.grib"}, {}, {}}), Exit::data, "*.grib", "found none");
  EXPECT_ERROR(Dataset({{}, {}, {}}), Exit::data, "data.files");
  GridFile{}.write(directory_ / "[odd].nc");
  expect_formula(Dataset({{directory_ / "[odd].nc"}, {}, {}}), 0, 0);
}

TEST_F(DatasetTest, MoreFilesThanAreKeptOpen) {
  std::vector<std::string> paths;
  for (int i = 0; i < 80; ++i)
    paths.push_back(write("f" + std::to_string(i) + ".nc", at_hours({6.0 * i})));
  std::shuffle(paths.begin(), paths.end(), std::mt19937(1));
  const Dataset dataset({paths, {}, {}, 0});
  std::mt19937 random(2);
  for (int i = 0; i < 200; ++i) {
    const int64_t time = random() % 80;
    expect_rows(dataset, 0, 6.0 * static_cast<double>(time), 0, {0, 5},
                [&](Range rows, std::span<float> out) { dataset.read(0, time, rows, out); });
  }
  int64_t open = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code error;
    const std::string target = std::filesystem::read_symlink(entry.path(), error).string();
    open += target.starts_with(directory_.path().string()) ? 1 : 0;
  }
  EXPECT_LE(open, 64);
}

TEST_F(DatasetTest, FilesHoldDifferentVariables) {
  // u in one file, v in two that part elsewhere, a static field in a fourth, with a time of its own.
  const std::string u = write("u.nc", at_hours({0, 6, 12, 18}, {"u"}));
  GridFile later = at_hours({12, 18}, {"", "v"}), earlier = at_hours({0, 6}, {"", "v"});
  later.variables = earlier.variables = {"w", "v"};
  const std::string v1 = write("v1.nc", earlier), v2 = write("v2.nc", later);
  const std::string fixed = write("fixed.nc", at_hours({-100000}, {"z"}));
  const Dataset dataset({{fixed, v2, u, v1}, {"u", "v"}, {"z"}});
  EXPECT_EQ(dataset.paths().size(), 4U);
  expect_formula(dataset, 0, 0);
  expect_formula(dataset, 1, 1);
  expect_rows(dataset, 0, -100000, 0, {0, 5},
              [&](Range rows, std::span<float> out) { dataset.read_static(0, rows, out); });
  EXPECT_EQ(Dataset({{u, fixed}, {"u"}, {}}).paths(), std::vector<std::string>{u})
      << "unused files are left out";
}

TEST_F(DatasetTest, LevelsInFilesOfTheirOwn) {
  GridFile low, high;
  low.levels = {850};
  high.levels = {500};
  const std::string a = write("a.nc", low), b = write("b.nc", high);
  const Dataset dataset({{a, b}, {"air@850", "air@500"}, {}});
  expect_formula(dataset, 0, 0, 850);
  expect_formula(dataset, 1, 0, 500);
}

TEST_F(DatasetTest, OtherFilesAreTurnedToTheFirst) {
  GridFile first = at_hours({0, 6}), flipped = at_hours({12}), west = at_hours({18}), both = at_hours({24}),
           mirrored = at_hours({30});
  std::reverse(flipped.latitude.begin(), flipped.latitude.end());
  west.longitude = {-180, -120, -60, 0, 60, 120};
  both.latitude = flipped.latitude;
  both.longitude = {120, 180, 240, 300, 360, 420};
  both.order = "xyt";
  mirrored.longitude = {300, 240, 180, 120, 60, 0};
  const std::string a = write("a.nc", first), b = write("b.nc", flipped), c = write("c.nc", west),
                    d = write("d.nc", both), e = write("e.nc", mirrored);
  for (const auto& paths : {std::vector{a, b, c, d, e}, {b, a, c, e, d}, {c, d, e, a, b}, {d, c, b, a, e}}) {
    const Dataset dataset({paths, {}, {}});
    expect_formula(dataset, 0, 0);
  }
  EXPECT_EQ(Dataset({{b, a}, {}, {}}).grid().latitude, flipped.latitude);
  EXPECT_EQ(Dataset({{c, a}, {}, {}}).grid().longitude, west.longitude);
}

TEST_F(DatasetTest, RegionOverGreenwichIsUnwrapped) {
  GridFile east = at_hours({0}), west = at_hours({6});
  east.longitude = {350, 355, 0, 5};
  west.longitude = {-10, -5, 0, 5};
  const Dataset dataset({{write("a.nc", east), write("b.nc", west)}, {}, {}});
  EXPECT_EQ(dataset.grid().longitude, (std::vector<double>{350, 355, 360, 365}));
  expect_formula(dataset, 0, 0);
}

TEST_F(DatasetTest, CoordinatesMayDifferInTheirLastDigits) {
  GridFile first = at_hours({0}), second = at_hours({6});
  for (double& latitude : second.latitude)
    latitude += 0.05;  // of a spacing of 10: rounded when it was written
  const Dataset dataset({{write("a.nc", first), write("b.nc", second)}, {}, {}});
  EXPECT_EQ(dataset.times().size(), 2U);
}

TEST_F(DatasetTest, CalendarsOfTheFiles) {
  GridFile standard = at_hours({0}), proleptic = at_hours({6}), noleap = at_hours({12}),
           unnamed = at_hours({18});
  proleptic.calendar = "proleptic_gregorian";
  noleap.calendar = "noleap";
  unnamed.calendar = "";
  const std::string a = write("a.nc", standard), b = write("b.nc", proleptic), c = write("c.nc", noleap),
                    d = write("d.nc", unnamed);
  expect_formula(Dataset({{a, b, d}, {}, {}}), 0, 0);
  expect_formula(Dataset({{b, a, d}, {}, {}}), 0, 0);
  expect_formula(Dataset({{c}, {}, {}}), 0, 0);
  EXPECT_ERROR(Dataset({{a, c}, {}, {}}), Exit::data, c, "standard", "noleap");
  // Leap days: the 60th day of 2000 is the 29th of February in one calendar, the 1st of March in the other.
  GridFile leap = at_hours({24 * 59});
  EXPECT_EQ(format_time(Dataset({{write("e.nc", leap)}, {}, {}}).times()[0], Calendar::standard),
            "2000-02-29T00:00:00");
  leap.calendar = "365_day";
  EXPECT_EQ(format_time(Dataset({{write("f.nc", leap)}, {}, {}}).times()[0], Calendar::noleap),
            "2000-03-01T00:00:00");
}

TEST_F(DatasetTest, AuxiliaryVariablesAreNoFields) {
  const std::string path = directory_ / "a.nc";
  {
    NetcdfBuilder file(path, NC_NETCDF4);
    const int time = file.coordinate("time", {0, 1}, "days since 2001-01-01");
    file.text(time, "bounds", "time_bnds");
    file.coordinate("lat", {10, 20}, "degrees_north");
    file.coordinate("lon", {10, 20}, "degrees_east");
    file.dim("bnds", 2);
    file.dim("number", 3);
    file.dim("one", 1);
    const int t = file.variable("t", NC_FLOAT, {"time", "one", "lat", "lon"});
    file.text(t, "coordinates", "height heat");
    file.text(t, "grid_mapping", "crs");
    for (const char* name : {"height", "heat"})
      file.variable(name, NC_FLOAT, {"time", "lat", "lon"});
    file.variable("time_bnds", NC_DOUBLE, {"time", "bnds"});
    file.variable("crs", NC_INT, {});
    file.variable("label", NC_CHAR, {"time", "lat", "lon"});
    file.variable("members", NC_FLOAT, {"number", "time", "lat", "lon"});
    file.variable("series", NC_FLOAT, {"time"});
    file.variable("mask", NC_BYTE, {"lat", "lon"});
    file.put(t, {1, 2, 3, 4, 5, 6, 7, 8});
  }
  const Dataset dataset({{path}, {}, {"mask"}});
  ASSERT_EQ(dataset.variables().size(), 1U);
  EXPECT_EQ(dataset.variables()[0].name, "t");
  std::vector<float> out(4);
  dataset.read(0, 1, {0, 2}, out);
  EXPECT_EQ(out, (std::vector<float>{5, 6, 7, 8}));
  EXPECT_EQ(Dataset({{path}, {"heat"}, {}}).variables().size(), 1U) << "asked for by name it is one";
  EXPECT_ERROR(Dataset({{path}, {"members"}, {}}), Exit::data, path, "members", "(number, time, lat, lon)",
               "'number'");
  EXPECT_ERROR(Dataset({{path}, {"series"}, {}}), Exit::data, "series",
               "expected dims (time, lat, lon), found (time)");
  EXPECT_ERROR(Dataset({{path}, {"label"}, {}}), Exit::data, "label", "char");
  EXPECT_ERROR(Dataset({{path}, {"mask"}, {}}), Exit::data, "mask", "data.static");
  EXPECT_ERROR(Dataset({{path}, {}, {"t"}}), Exit::data, "t", "2 times", "data.variables");
  EXPECT_ERROR(Dataset({{path}, {"tt"}, {}}), Exit::data, path, "tt", "did you mean 't'");
  EXPECT_ERROR(Dataset({{path}, {"t", "t"}, {}}), Exit::usage, "'t' twice");
}

TEST_F(DatasetTest, FilesThatDoNotFit) {
  const std::string a = write("a.nc", at_hours({0, 6, 12}));
  GridFile file = at_hours({18});
  file.latitude = {60, 50, 40, 30};
  EXPECT_ERROR(Dataset({{a, write("b.nc", file)}, {}, {}}), Exit::data, "b.nc", "air", "5 x 6", "4 x 6", a,
               "regrid");
  file = at_hours({18});
  file.longitude = {1, 61, 121, 181, 241, 301};
  EXPECT_ERROR(Dataset({{a, write("b.nc", file)}, {}, {}}), Exit::data, "b.nc", "longitudes from 0 to 300",
               "from 1 to 301");
  file = at_hours({18});
  file.units = "m s-1";
  EXPECT_ERROR(Dataset({{a, write("b.nc", file)}, {}, {}}), Exit::data, "b.nc", "'K'", "'m s-1'",
               "same quantity");
  EXPECT_ERROR(Dataset({{a, write("b.nc", at_hours({12, 18}))}, {}, {}}), Exit::data, "b.nc",
               "2000-01-01T12:00:00", a, "overlap");
  EXPECT_ERROR(Dataset({{write("b.nc", at_hours({0, 12, 6}))}, {}, {}}), Exit::data, "b.nc", "increasing",
               "index 2");
  EXPECT_ERROR(Dataset({{write("b.nc", at_hours({0, 0, 6}))}, {}, {}}), Exit::data, "b.nc", "increasing",
               "duplicate");
  EXPECT_ERROR(Dataset({{a, write("b.nc", at_hours({0, 6}, {"v"}))}, {}, {}}), Exit::data, "b.nc", "v",
               "times of 'air'", "2000-01-01T12:00:00");
  EXPECT_ERROR(Dataset({{a, directory_ / "none.nc"}, {}, {}}), Exit::data, "none.nc", "nothing there");
  EXPECT_ERROR(Dataset({{directory_.path()}, {}, {}}), Exit::data, "a directory");
  EXPECT_ERROR(Dataset({{a}, {"wind"}, {}}), Exit::data, a, "wind", "air", "none of this name");
}

TEST_F(DatasetTest, CoordinatesThatAreWrong) {
  GridFile file;
  file.latitude = {60, 50, 95, 30, 20};
  EXPECT_ERROR(Dataset({{write("b.nc", file)}, {}, {}}), Exit::data, "b.nc", "lat", "-90 to 90");
  file.latitude = {60, 50, 55, 30, 20};
  EXPECT_ERROR(Dataset({{write("b.nc", file)}, {}, {}}), Exit::data, "lat", "unsorted");
  file = {};
  file.longitude = {0, 60, 30, 180, 240, 300};
  EXPECT_ERROR(Dataset({{write("b.nc", file)}, {}, {}}), Exit::data, "lon", "in order");
  file = {};
  file.latitude[2] = NAN;
  EXPECT_ERROR(Dataset({{write("b.nc", file)}, {}, {}}), Exit::data, "lat", "at 2");
  file = {};
  file.time_units = "hours since 2000-01-01";
  file.calendar = "lunar";
  EXPECT_ERROR(Dataset({{write("b.nc", file)}, {}, {}}), Exit::data, "b.nc: time: ", "'lunar'");
  file = at_hours({1e30});
  EXPECT_ERROR(Dataset({{write("b.nc", file)}, {}, {}}), Exit::data, "b.nc: time: ", "1e+30");
  file = at_hours({});
  file.unlimited = true;
  EXPECT_ERROR(Dataset({{write("b.nc", file)}, {}, {}}), Exit::data, "b.nc", "at least one time");
}

TEST_F(DatasetTest, ProjectedGridsWithoutPlacesAreRefused) {
  const std::string path = directory_ / "a.nc";
  {
    NetcdfBuilder file(path, NC_NETCDF4);
    file.coordinate("time", {0}, "days since 2001-01-01");
    file.coordinate("y", {1000, 2000}, "m");
    file.coordinate("x", {1000, 2000}, "m");
    file.variable("rain", NC_FLOAT, {"time", "y", "x"});
    const int lat = file.variable("lat", NC_FLOAT, {"y", "x"});
    file.text(lat, "units", "degrees_north");
  }
  EXPECT_ERROR(Dataset({{path}, {"rain"}, {}}), Exit::data, path, "rain", "found (time, y, x)",
               "only grids are supported");
  EXPECT_ERROR(Dataset({{path}, {}, {}}), Exit::data, path, "rain", "expected dims (time, lat, lon)",
               "data.grid: index");
}

TEST_F(DatasetTest, AnotherUnitOfTheSameQuantityIsConverted) {
  const std::string a = write("a.nc", at_hours({0, 6}));
  GridFile file = at_hours({12, 18});
  file.units = "degC";
  const Dataset dataset({{a, write("b.nc", file)}, {}, {}});
  EXPECT_EQ(dataset.variables()[0].units, "K");
  std::vector<float> field(static_cast<size_t>(dataset.grid().points()));
  dataset.read(0, 3, {0, dataset.grid().rows()}, field);
  EXPECT_NEAR(field[7],
              GridFile::value(0, 18, 0, dataset.grid().latitude[1], dataset.grid().longitude[1]) + 273.15,
              1e-3);
}

TEST_F(DatasetTest, AFrameDecidesOnOrderAndUnits) {
  GridFile file = at_hours({0, 6});
  const std::string a = write("a.nc", file);
  std::reverse(file.latitude.begin(), file.latitude.end());
  file.longitude = {180, 240, 300, 360, 420, 480};
  file.order = "txy";
  const std::string b = write("b.nc", file);
  DatasetOptions options{{b}, {}, {}};
  options.frame.grid = Dataset({{a}, {}, {}}).grid();
  options.frame.units["air"] = "degC";
  const Dataset dataset(options);
  EXPECT_EQ(dataset.grid().latitude, options.frame.grid->latitude);
  EXPECT_EQ(dataset.grid().longitude, options.frame.grid->longitude);
  EXPECT_EQ(dataset.variables()[0].units, "degC");
  std::vector<float> field(static_cast<size_t>(dataset.grid().points()));
  dataset.read(0, 1, {0, dataset.grid().rows()}, field);
  for (int64_t i = 0; i < dataset.grid().points(); ++i) {
    const double kelvin =
        GridFile::value(0, 6, 0, dataset.grid().latitude[i / 6], dataset.grid().longitude[i % 6]);
    ASSERT_NEAR(field[i], kelvin - 273.15, 1e-3) << i;
  }
  options.frame.grid->latitude[0] += 1;
  EXPECT_ERROR(Dataset{options}, Exit::data, "the grid of training");
  options.frame.grid.reset();
  options.frame.units["air"] = "m";
  EXPECT_ERROR(Dataset{options}, Exit::data, "units 'm' as in training", "'K'");
}

TEST_F(DatasetTest, AColumnThatRepeatsIsLeftOut) {
  GridFile file;
  file.longitude = {0, 60, 120, 180, 240, 300, 360};
  const Dataset dataset({{write("a.nc", file)}, {}, {}});
  EXPECT_EQ(dataset.grid().columns(), 6);
  EXPECT_TRUE(dataset.grid().periodic());
  expect_formula(dataset, 0, 0);
}

TEST_F(DatasetTest, ValuesThatTheUserCallsMissing) {
  GridFile file = at_hours({0, 6});
  DatasetOptions options{{write("a.nc", file)}, {}, {}};
  const float mark = static_cast<float>(GridFile::value(0, 0, 0, 50, 60));
  options.reading.missing["air"] = {mark};
  const Dataset dataset(options);
  std::vector<float> field(static_cast<size_t>(dataset.grid().points()));
  dataset.read(0, 0, {0, dataset.grid().rows()}, field);
  EXPECT_TRUE(std::isnan(field[6 + 1]));
  EXPECT_EQ(std::count_if(field.begin(), field.end(), [](float v) { return std::isnan(v); }), 1);
}

TEST_F(DatasetTest, ASelectedMemberAndMergedVersions) {
  const std::string path = directory_ / "a.nc";
  {
    NetcdfBuilder file(path, NC_NETCDF4);
    file.coordinate("time", {0, 1}, "days since 2001-01-01");
    file.coordinate("number", {3, 8}, "1");
    file.coordinate("expver", {1, 5}, "1");
    file.coordinate("lat", {10, 20}, "degrees_north");
    file.coordinate("lon", {0, 10}, "degrees_east");
    file.put(file.variable("wind", NC_FLOAT, {"time", "number", "lat", "lon"}),
             {0, 1, 2, 3, 100, 101, 102, 103, 10, 11, 12, 13, 110, 111, 112, 113});
    constexpr double kFill = 9.9692099683868690e+36;
    file.put(file.variable("rain", NC_FLOAT, {"time", "expver", "lat", "lon"}),
             {1, 2, 3, 4, kFill, kFill, kFill, kFill, kFill, kFill, 7, kFill, 5, 6, 70, 8});
  }
  DatasetOptions options{{path}, {"wind", "rain"}, {}};
  EXPECT_ERROR(Dataset{options}, Exit::data, "'number'", "data.select: {number: 0}");
  options.reading.select["number"] = 8;
  options.reading.select["membr"] = 0;
  testing::internal::CaptureStderr();
  const Dataset dataset(options);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("no data file has a dimension 'membr', only expver, lat, lon, number, time"),
            std::string::npos)
      << said;
  std::vector<float> field(4);
  dataset.read(0, 1, {0, 2}, field);
  EXPECT_EQ(field, (std::vector<float>{110, 111, 112, 113}));
  dataset.read(1, 0, {0, 2}, field);
  EXPECT_EQ(field, (std::vector<float>{1, 2, 3, 4}));
  dataset.read(1, 1, {0, 2}, field);
  EXPECT_EQ(field, (std::vector<float>{5, 6, 7, 8}));
}

TEST_F(DatasetTest, AStackOfPicturesHasNoCoordinates) {
  const std::string path = directory_ / "a.nc";
  {
    NetcdfBuilder file(path, NC_NETCDF4);
    file.dim("frame", 3);
    file.dim("y", 2);
    file.dim("x", 2);
    file.put(file.variable("light", NC_SHORT, {"frame", "y", "x"}), {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  }
  DatasetOptions options{{path}, {}, {}};
  EXPECT_ERROR(Dataset{options}, Exit::data, "light", "data.grid: index");
  options.reading.index_grid = true;
  const Dataset dataset(options);
  EXPECT_FALSE(dataset.dated());
  EXPECT_EQ(dataset.times().size(), 3U);
  EXPECT_EQ(dataset.times()[1] - dataset.times()[0], 3600);
  EXPECT_EQ(dataset.grid().kind, grid::GridKind::index);
  std::vector<float> field(4);
  dataset.read(0, 2, {0, 2}, field);
  EXPECT_EQ(field, (std::vector<float>{8, 9, 10, 11}));
}

TEST_F(DatasetTest, CalendarsMixOnlyWhereMonthsAreTheStep) {
  const auto monthly = [](const char* calendar, double first) {
    GridFile file;
    file.calendar = calendar;
    file.time_units = "days since 2000-01-01";
    file.hours = {first, first + 30};
    return file;
  };
  const std::string a = write("a.nc", monthly("noleap", 14)), b = write("b.nc", monthly("360_day", 60 + 29));
  EXPECT_ERROR(Dataset({{a, b}, {}, {}}), Exit::data, "noleap", "360_day");
  DatasetOptions options{{a, b}, {}, {}};
  options.monthly = true;
  const Dataset dataset(options);
  EXPECT_EQ(format_time(dataset.times()[2], dataset.calendar()), "2000-03-30T00:00:00");
}

TEST_F(DatasetTest, AFileThatVanishesIsAnErrorOfTheRead) {
  const std::string a = write("a.nc");
  const Dataset dataset({{a}, {}, {}});
  std::filesystem::rename(a, a + ".away");
  std::vector<float> out(30);
  EXPECT_ERROR(dataset.read(0, 0, {0, 5}, out), Exit::data, a, "nothing there");
  std::filesystem::rename(a + ".away", a);
  expect_formula(dataset, 0, 0);  // the next read tries again
}

/// Between the start of the program and a read, and while the file is open; netCDF-C would give zeros, or
/// what the other file has.
TEST_F(DatasetTest, AFileThatChangesIsAnErrorOfTheRead) {
  for (const int format : {0, NC_NETCDF4}) {
    GridFile file;
    file.format = format;
    std::vector<float> out(30);
    for (const bool open : {false, true}) {
      const std::string a = write("a.nc", file);
      const Dataset dataset({{a}, {}, {}, /*cache_bytes=*/0});
      if (open) dataset.read(0, 0, {0, 5}, out);
      file.variables = {"replaced"};
      std::filesystem::rename(write("new.nc", file), a);
      EXPECT_ERROR(dataset.read(0, 3, {0, 5}, out), Exit::data, a, "expected the file as it was");
      file.variables = {"air"};
    }
    const std::string b = write("b.nc", file);
    const Dataset dataset({{b}, {}, {}, /*cache_bytes=*/0});
    dataset.read(0, 0, {0, 5}, out);
    std::filesystem::resize_file(b, std::filesystem::file_size(b) - 300);
    EXPECT_ERROR(dataset.read(0, 3, {0, 5}, out), Exit::data, b, "cut from", "start again");
    std::filesystem::remove(b);
    EXPECT_ERROR(dataset.read(0, 3, {0, 5}, out), Exit::data, b, "gone");
  }
}

TEST_F(DatasetTest, InfiniteValuesAreMissing) {
  const std::string path = directory_ / "a.nc";
  {
    NetcdfBuilder file(path, NC_NETCDF4);
    file.coordinate("time", {0, 6}, "hours since 2000-01-01");
    file.coordinate("lat", {0}, "degrees_north");
    file.coordinate("lon", {0, 10}, "degrees_east");
    const auto packed = [&](int id) {
      file.number(id, "scale_factor", NC_DOUBLE, {1e38});
      file.number(id, "add_offset", NC_DOUBLE, {1.0});
      return id;
    };
    const int real = file.variable("real", NC_FLOAT, {"time", "lat", "lon"});
    const int wide = file.variable("wide", NC_DOUBLE, {"time", "lat", "lon"});
    const int large = packed(file.variable("large", NC_SHORT, {"time", "lat", "lon"}));
    file.put(real, {1, INFINITY, -INFINITY, 4});
    file.put(wide, {1, 1e39, -1e300, 4});
    file.put(large, {1, 4, -5, 3});
  }
  const Dataset dataset({{path}, {}, {}});
  for (int64_t v = 0; v < 3; ++v) {
    std::vector<float> first(2), second(2);
    dataset.read(v, 0, {0, 1}, first);
    dataset.read(v, 1, {0, 1}, second);
    const std::array missing = {std::isnan(first[0]), std::isnan(first[1]), std::isnan(second[0]),
                                std::isnan(second[1])};
    EXPECT_EQ(missing, (std::array{false, true, true, false})) << dataset.variables()[v].name;
  }
}

/// A forecast from the last state needs forcings of later times.
TEST_F(DatasetTest, ForcingsMayBeginBeforeAndGoOnAfterStates) {
  const std::string states = write("states.nc", at_hours({6, 12})),
                    longer = write("longer.nc", at_hours({0, 6, 12, 18}, {"sst"})),
                    gap = write("gap.nc", at_hours({0, 6, 18}, {"sst"}));
  DatasetOptions options{{states, longer}, {"air"}, {}};
  options.forcings = {"sst"};
  const Dataset dataset(options);
  EXPECT_EQ(dataset.times().size(), 2U);
  EXPECT_EQ(dataset.times_of(0).size(), 2U);
  EXPECT_EQ(dataset.times_of(1).size(), 4U);
  expect_formula(dataset, 1, 0);  // at the times of the states
  const TimeStamp origin = to_time_stamp({2000, 1, 1}, dataset.calendar());
  for (const int64_t hour : {0, 6, 12, 18}) {
    EXPECT_TRUE(dataset.holds_at(1, origin + hour * 3600));
    EXPECT_EQ(dataset.holds_at(0, origin + hour * 3600), hour == 6 || hour == 12);
    expect_rows(dataset, 0, static_cast<double>(hour), 0, {1, 3}, [&](Range rows, std::span<float> out) {
      EXPECT_TRUE(dataset.read_at(1, origin + hour * 3600, rows, out));
    });
  }
  std::vector<float> none(6, -5.0F);
  EXPECT_FALSE(dataset.read_at(1, origin + 24 * 3600, {0, 1}, none));
  EXPECT_EQ(none[0], -5.0F);

  options.files = {states, gap};
  EXPECT_ERROR(Dataset(options), Exit::data, "sst", "expected the times of 'air'");
  options.files = {states, longer};
  options.forcings = {}, options.diagnostics = {"sst"};
  EXPECT_ERROR(Dataset(options), Exit::data, "sst", "expected the times of 'air'");
}

TEST_F(DatasetTest, InsolationIsOfInstantsAndIsAForcing) {
  DatasetOptions options{{write("a.nc", at_hours({0, 6}))}, {"air"}, {}};
  options.forcings = {"insolation"};
  EXPECT_TRUE(Dataset(options).holds_at(1, to_time_stamp({2050, 1, 1}, Calendar::standard)));
  options.monthly = true;
  EXPECT_ERROR(Dataset(options), Exit::usage, "insolation", "instant", "monthly means");
  options.monthly = false;
  options.forcings = {}, options.diagnostics = {"insolation"};
  EXPECT_ERROR(Dataset(options), Exit::data, "insolation", "none of this name");
}

TEST_F(DatasetTest, ATransformOfAVariableIsOneOfAllItsLevels) {
  GridFile file = at_hours({0, 6}, {"q", "t"});
  file.levels = {500, 850};
  DatasetOptions options{{write("levels.nc", file)}, {"q@500", "q@850", "t@500"}, {}};
  options.transforms = {{"q", Transform::parse("sqrt", "")}, {"q@850", Transform::parse("log1p 2", "")}};
  const Dataset dataset(options);
  EXPECT_EQ(dataset.variables()[0].transform.text(), "sqrt");
  EXPECT_EQ(dataset.variables()[1].transform.text(), "log1p 2") << "its own goes first";
  EXPECT_TRUE(dataset.variables()[2].transform.identity());
  EXPECT_TRUE(answers_to(dataset.variables()[2], "t"));
  EXPECT_FALSE(answers_to(dataset.variables()[2], "q"));
}

}  // namespace
}  // namespace seqvit::data
