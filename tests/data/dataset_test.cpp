// One file, or files of one kind: layouts, caching, slabs, threads.
#include "data/dataset.h"

#include <algorithm>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "data/dataset_fixture.h"

namespace seqvit::data {
namespace {

TEST_F(DatasetTest, ReadsAFileOfEveryFormat) {
  for (const int format : {0, NC_64BIT_OFFSET, NC_64BIT_DATA, NC_NETCDF4}) {
    for (const bool unlimited : {false, true}) {
      GridFile file;
      file.format = format;
      file.unlimited = unlimited;
      file.variables = {"u", "v"};
      file.statics = {"orography"};
      const std::string path = write("a.nc", file);
      const Dataset dataset({{path}, {}, {"orography"}});
      EXPECT_EQ(dataset.paths(), std::vector<std::string>{path});
      EXPECT_EQ(dataset.times().size(), 4U);
      EXPECT_EQ(dataset.grid().latitude, file.latitude);
      EXPECT_EQ(dataset.grid().longitude, file.longitude);
      ASSERT_EQ(dataset.variables().size(), 2U);
      EXPECT_EQ(dataset.variables()[1].name, "v");
      expect_formula(dataset, 0, 0);
      expect_formula(dataset, 1, 1);
      expect_rows(dataset, 100, 0, 0, {1, 4},
                  [&](Range rows, std::span<float> out) { dataset.read_static(0, rows, out); });
    }
  }
}

TEST_F(DatasetTest, AnyOrderOfDims) {
  std::string order = "ltxy";
  do {
    for (const int format : {0, NC_NETCDF4}) {
      GridFile file;
      file.format = format;
      file.order = order;
      file.levels = {850, 500};
      if (format == NC_NETCDF4) file.chunk = {2, 2, 2, 2};
      const Dataset dataset({{write("a.nc", file)}, {"air@500", "air@850"}, {}});
      SCOPED_TRACE(order);
      expect_formula(dataset, 0, 0, 500);
      expect_formula(dataset, 1, 0, 850);
    }
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_F(DatasetTest, NamesOfDims) {
  const std::vector<std::map<char, std::string>> names = {
      {{'t', "TIME"}, {'l', "plev"}, {'y', "FNOCY"}, {'x', "FNOCX"}},
      {{'t', "valid_time"}, {'l', "pressure_level"}, {'y', "latitude"}, {'x', "longitude"}},
      {{'t', "t"}, {'l', "isobaricInhPa"}, {'y', "row"}, {'x', "column"}}};
  for (const auto& set : names) {
    GridFile file;
    file.names = set;
    file.levels = {850, 500};
    expect_formula(Dataset({{write("a.nc", file)}, {"air@500"}, {}}), 0, 0, 500);
  }
}

TEST_F(DatasetTest, PackedValuesAndMissingOnes) {
  GridFile file;
  file.missing_where = 120;
  const Dataset dataset({{write("a.nc", file)}, {}, {}});
  expect_formula(dataset, 0, 0, 0, 120);
}

TEST_F(DatasetTest, SlabsCostTheirRowsOnly) {
  for (const bool flipped : {false, true}) {
    GridFile first, second;
    second.hours = {24, 30};
    if (flipped) std::reverse(second.latitude.begin(), second.latitude.end());
    const Dataset dataset({{write("a.nc", first), write("b.nc", second)}, {}, {}});
    for (const int64_t time : {0, 4}) {
      const int64_t before = dataset.bytes_read();
      std::vector<float> slab(2 * 6);
      dataset.read(0, time, {3, 5}, slab);
      EXPECT_EQ(dataset.bytes_read() - before, 2 * 6 * 4);
      dataset.read(0, time, {3, 5}, slab);
      EXPECT_EQ(dataset.bytes_read() - before, 2 * 6 * 4) << "the second read is in memory";
    }
  }
}

TEST_F(DatasetTest, BlocksOfTheStoredChunkAreDecodedOnce) {
  GridFile file;
  file.hours.clear();
  for (int i = 0; i < 10; ++i)
    file.hours.push_back(6 * i);
  file.chunk = {4, 5, 6};
  const std::string path = write("a.nc", file);
  const int64_t field = 5 * 6 * 4;
  std::vector<float> out(30);
  {
    const Dataset dataset({{path}, {}, {}});
    for (const int64_t time : {5, 4, 7, 6})
      dataset.read(0, time, {0, 5}, out);
    EXPECT_EQ(dataset.bytes_read(), 4 * field);
    dataset.read(0, 9, {0, 5}, out);  // the last block is shorter
    EXPECT_EQ(dataset.bytes_read(), 6 * field);
    expect_formula(dataset, 0, 0);
  }
  {
    const Dataset dataset({{path}, {}, {}, 4 * field - 1});  // no block fits: only what is asked for
    for (const int64_t time : {5, 4, 5})
      dataset.read(0, time, {0, 5}, out);
    EXPECT_EQ(dataset.bytes_read(), 3 * field);
    expect_formula(dataset, 0, 0);
  }
  {
    const Dataset dataset({{path}, {}, {}, 8 * field});  // two blocks fit: the least recently used leaves
    for (const int64_t time : {0, 4, 1, 8, 2, 5})
      dataset.read(0, time, {0, 5}, out);
    EXPECT_EQ(dataset.bytes_read(), (4 + 4 + 2 + 4) * field);  // blocks 0, 1, 2 and then 1 again
  }
}

TEST_F(DatasetTest, TimeInsideTheGridIsReadInBlocks) {
  GridFile file;
  file.format = 0;
  file.order = "yxt";
  const Dataset dataset({{write("a.nc", file)}, {}, {}});
  std::vector<float> out(30);
  for (const int64_t time : {0, 1, 2, 3})
    dataset.read(0, time, {0, 5}, out);
  EXPECT_EQ(dataset.bytes_read(), 4 * 30 * 4);
  expect_formula(dataset, 0, 0);
}

TEST_F(DatasetTest, ThreadsSeeTheSame) {
  GridFile file;
  file.variables = {"a", "b", "c"};
  file.chunk = {2, 5, 6};
  // A cache that is too small for all, so that blocks come and go.
  const Dataset dataset({{write("a.nc", file)}, {}, {}, 3 * 2 * 30 * 4});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      std::mt19937 random(i);
      for (int repeat = 0; repeat < 300; ++repeat) {
        const int64_t variable = random() % 3, time = random() % 4, begin = random() % 5;
        expect_rows(dataset, variable, 6.0 * static_cast<double>(time), 0, {begin, 5},
                    [&](Range rows, std::span<float> out) { dataset.read(variable, time, rows, out); });
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
}

TEST_F(DatasetTest, LevelsAreVariables) {
  GridFile file;
  file.levels = {1000, 850.00001, 0.995};
  const std::string path = write("a.nc", file);
  const Dataset all({{path}, {}, {}});
  ASSERT_EQ(all.variables().size(), 3U);
  EXPECT_EQ(all.variables()[0].name, "air@1000");
  EXPECT_EQ(all.variables()[2].name, "air@0.995");
  const Dataset one({{path}, {"air@850"}, {}});
  expect_formula(one, 0, 0, 850.00001);
  EXPECT_EQ(one.variables()[0].name, "air@850");
  EXPECT_ERROR(Dataset({{path}, {"air@851"}, {}}), Exit::data, path, "1000, 850", "851");
  EXPECT_ERROR(Dataset({{path}, {"air"}, {}}), Exit::data, path, "3 levels", "air@1000");
}

TEST_F(DatasetTest, AllLevelsHaveOneName) {
  GridFile file;
  file.levels = {1000, 850, 500};
  const std::string path = write("a.nc", file), other = write("b.nc");
  const Dataset dataset({{path}, {"air@*"}, {}});
  ASSERT_EQ(dataset.variables().size(), 3U);
  expect_formula(dataset, 1, 0, 850);
  EXPECT_EQ(dataset.variables()[1].name, "air@850");
  ASSERT_NE(dataset.variables()[1].axis, nullptr);
  EXPECT_EQ(dataset.variables()[1].axis->values, file.levels);
  EXPECT_ERROR(Dataset({{other}, {"air@*"}, {}}), Exit::data, "level dimension", "'air'");
}

TEST_F(DatasetTest, OneNameInTwoFilesIsTwoFields) {
  GridFile file;
  file.levels = {850, 500};
  const std::string a = write("a.nc"), b = write("b.nc", file);
  DatasetOptions options{{a, b}, {"air", "cold", "all@*"}, {}};
  options.sources = {{"air", "a.nc:air"}, {"cold", "b.nc:air@500"}, {"all@*", "b.nc:air@*"}};
  const Dataset dataset(options);
  ASSERT_EQ(dataset.variables().size(), 4U);
  expect_formula(dataset, 0, 0);
  expect_formula(dataset, 1, 0, 500);
  expect_formula(dataset, 2, 0, 850);
  EXPECT_EQ(dataset.variables()[2].name, "all@850");
  EXPECT_EQ(dataset.variables()[2].source, "b.nc:air@850");
  options.sources["cold"] = "c.nc:air@500";
  EXPECT_ERROR(Dataset(options), Exit::usage, "cold", "data.files", "c.nc");
  options.sources = {{"warm", "a.nc:air"}};
  EXPECT_ERROR(Dataset(options), Exit::usage, "data.sources", "'warm'");
}

TEST_F(DatasetTest, ALoneLevelNeedsNoName) {
  GridFile file;
  file.levels = {500};
  const std::string path = write("a.nc", file);
  expect_formula(Dataset({{path}, {"air"}, {}}), 0, 0, 500);
  expect_formula(Dataset({{path}, {"air@500"}, {}}), 0, 0, 500);
  EXPECT_EQ(Dataset({{path}, {}, {}}).variables()[0].name, "air");
  EXPECT_ERROR(Dataset({{write("b.nc")}, {"air@500"}, {}}), Exit::data, "level dimension", "'air'");
}

TEST_F(DatasetTest, WhatAForecastFileRepeats) {
  const std::string path = directory_ / "a.nc";
  {
    NetcdfBuilder file(path, NC_NETCDF4);
    file.text(NC_GLOBAL, "title", "a test");
    file.text(file.coordinate("time", {0}, "days since 2001-01-01"), "standard_name", "time");
    file.coordinate("latitude", {10, 20}, "degrees_north");
    file.text(file.coordinate("longitude", {10, 20}, "degrees_east"), "long_name", "east");
    const int id = file.variable("t", NC_SHORT, {"time", "latitude", "longitude"});
    file.text(id, "units", "K");
    file.text(id, "standard_name", "air_temperature");
    for (const char* name : {"scale_factor", "add_offset", "valid_min"})
      file.number(id, name, NC_DOUBLE, {1});
    file.number(id, "_FillValue", NC_SHORT, {-1});
    file.text(id, "coordinates", "latitude longitude");
    file.put(id, {1, 2, 3, 4});
  }
  const Dataset dataset({{path}, {"t"}, {}});
  const VariableInfo& info = dataset.variables()[0];
  EXPECT_EQ(info.units, "K");
  EXPECT_EQ(info.attributes.size(), 2U);
  EXPECT_TRUE(info.attributes.contains("standard_name"));
  EXPECT_EQ(std::get<std::string>(dataset.coordinate_attributes("longitude").at("long_name")), "east");
  EXPECT_EQ(std::get<std::string>(dataset.coordinate_attributes("time").at("standard_name")), "time");
  EXPECT_TRUE(dataset.coordinate_attributes("height").empty());
  EXPECT_EQ(std::get<std::string>(dataset.file_attributes().at("title")), "a test");
  EXPECT_EQ(dataset.calendar(), Calendar::standard);
}

TEST_F(DatasetTest, Lookups) {
  const Dataset dataset({{write("a.nc")}, {}, {}});
  EXPECT_EQ(dataset.variable_index("air"), 0);
  EXPECT_ERROR(dataset.variable_index("aire"), Exit::usage, "did you mean 'air'");
  EXPECT_EQ(dataset.time_index(dataset.times()[2]), 2);
  EXPECT_EQ(dataset.time_index(dataset.times()[2] + 1), -1);
  std::vector<float> out(30);
  EXPECT_ERROR(dataset.read(0, 0, {0, 4}, out), Exit::bug, "differ in size");
  EXPECT_ERROR(dataset.read(0, 4, {0, 5}, out), Exit::bug, "time outside");
  EXPECT_ERROR(dataset.read(1, 0, {0, 5}, out), Exit::bug, "variable outside");
  EXPECT_ERROR(dataset.read(0, 0, {1, 6}, out), Exit::bug, "rows outside");
  dataset.read(0, 0, {2, 2}, {});
}

}  // namespace
}  // namespace seqvit::data
