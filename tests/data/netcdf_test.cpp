#include "data/netcdf.h"

#include <array>
#include <cmath>
#include <numeric>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "core/file.h"
#include "data/dataset.h"
#include "data/netcdf_builder.h"
#include "support/errors.h"
#include "support/temporary_directory.h"

namespace seqvit::data {
namespace {

struct TypeCase {
  nc_type type;
  const char* name;
  double low, high;  // values that only this type can hold
};

const std::vector<TypeCase> kClassicTypes = {{NC_BYTE, "int8", -128, 127},
                                             {NC_SHORT, "int16", -32768, 32767},
                                             {NC_INT, "int32", -2147483648.0, 2147483647.0},
                                             {NC_FLOAT, "float32", -0.375, 3e38F},
                                             {NC_DOUBLE, "float64", -1e-300, 1e300}};
const std::vector<TypeCase> kNewTypes = {{NC_UBYTE, "uint8", 0, 255},
                                         {NC_USHORT, "uint16", 0, 65534},
                                         {NC_UINT, "uint32", 0, 4294967294.0},
                                         {NC_INT64, "int64", -9007199254740992.0, 9007199254740992.0},
                                         {NC_UINT64, "uint64", 0, 9007199254740992.0}};

void expect_types(const std::vector<TypeCase>& types, int format, bool big_endian) {
  const TemporaryDirectory directory;
  const std::string path = directory / "types.nc";
  {
    NetcdfBuilder file(path, format);
    file.dim("time", 0);
    file.dim("x", 3);
    std::vector<int> ids;
    for (const TypeCase& type : types) {
      ids.push_back(file.variable(type.name, type.type, {"time", "x"}));
      if (big_endian) file.big_endian(ids.back());
    }
    for (size_t i = 0; i < types.size(); ++i) {
      file.put(ids[i], {types[i].low, 1, types[i].high, 2, types[i].high, types[i].low});
    }
  }
  const NetcdfFile file(path);
  for (const TypeCase& type : types) {
    const FileVariable* variable = file.find(type.name);
    ASSERT_NE(variable, nullptr);
    EXPECT_EQ(variable->stored_type, type.name);
    EXPECT_TRUE(variable->dims[0].unlimited);
    EXPECT_FALSE(variable->dims[1].unlimited);
    EXPECT_EQ(variable->dims[0].size, 2);
    const std::vector<double> expected = {type.low, 1, type.high, 2, type.high, type.low};
    EXPECT_EQ(file.read_all(*variable), expected) << type.name;
    std::vector<float> part(2);
    file.read(*variable, std::vector<int64_t>{1, 0}, std::vector<int64_t>{1, 2}, std::span(part));
    EXPECT_EQ(part[0], 2.0F);
    if (type.type == NC_DOUBLE)
      EXPECT_TRUE(std::isnan(part[1])) << "no float";
    else
      EXPECT_EQ(part[1], static_cast<float>(type.high));
  }
}

TEST(Netcdf, EveryTypeOfEveryFormat) {
  std::vector<TypeCase> all = kClassicTypes;
  all.insert(all.end(), kNewTypes.begin(), kNewTypes.end());
  expect_types(kClassicTypes, 0, false);
  expect_types(kClassicTypes, NC_64BIT_OFFSET, false);
  expect_types(all, NC_64BIT_DATA, false);
  expect_types(all, NC_NETCDF4, false);
  expect_types(all, NC_NETCDF4, true);
}

TEST(Netcdf, SingleRecordVariableHasNoPadding) {
  // One record variable alone of three int16 (6 bytes a record, not 8), then two of them.
  for (const int count : {1, 2}) {
    const TemporaryDirectory directory;
    const std::string path = directory / "records.nc";
    const std::vector<double> values = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    {
      NetcdfBuilder file(path, 0);
      file.dim("time", 0);
      file.dim("x", 3);
      std::vector<int> ids;
      for (int i = 0; i < count; ++i)
        ids.push_back(file.variable("v" + std::to_string(i), NC_SHORT, {"time", "x"}));
      for (const int id : ids)
        file.put(id, values);
    }
    const NetcdfFile file(path);
    for (const FileVariable& variable : file.variables())
      EXPECT_EQ(file.read_all(variable), values);
  }
}

TEST(Netcdf, RandomHyperslabsArePartsOfTheWhole) {
  const TemporaryDirectory directory;
  std::mt19937 random(7);
  for (const int format : {0, NC_NETCDF4}) {
    const std::string path = directory / "slabs.nc";
    GridFile grid;
    grid.format = format;
    grid.levels = {1000, 500, 100};
    if (format == NC_NETCDF4) grid.chunk = {2, 1, 3, 4};
    grid.write(path);
    const NetcdfFile file(path);
    const FileVariable& air = *file.find("air");
    const std::vector<double> whole = file.read_all(air);
    for (int trial = 0; trial < 60; ++trial) {
      std::vector<int64_t> start, count;
      int64_t values = 1;
      for (const FileDim& dim : air.dims) {
        start.push_back(static_cast<int64_t>(random() % dim.size));
        count.push_back(1 + static_cast<int64_t>(random() % (dim.size - start.back())));
        values *= count.back();
      }
      std::vector<double> part(values);
      file.read(air, start, count, std::span(part));
      size_t i = 0;
      for (int64_t a = start[0]; a < start[0] + count[0]; ++a)
        for (int64_t b = start[1]; b < start[1] + count[1]; ++b)
          for (int64_t c = start[2]; c < start[2] + count[2]; ++c)
            for (int64_t d = start[3]; d < start[3] + count[3]; ++d) {
              ASSERT_EQ(part[i++],
                        whole[((a * air.dims[1].size + b) * air.dims[2].size + c) * air.dims[3].size + d]);
            }
    }
  }
}

TEST(Netcdf, HeaderIsRead) {
  const TemporaryDirectory directory;
  const std::string path = directory / "header.nc";
  {
    NetcdfBuilder file(path, NC_NETCDF4);
    file.dim("x", 8);
    const int a = file.variable("a", NC_SHORT, {"x"});
    file.text(a, "units", "K");
    file.number(a, "scale_factor", NC_FLOAT, {0.25});
    file.number(a, "flags", NC_INT, {1, 2, 3});
    const char* strings[] = {"one", "two"};
    nc_put_att_string(file.id(), NC_GLOBAL, "authors", 2, strings);
    file.chunk(a, {4});
    file.variable("text", NC_CHAR, {"x"});
    file.variable("scalar", NC_DOUBLE, {});
    int group = 0;
    nc_def_grp(file.id(), "forecast", &group);
  }
  const NetcdfFile file(path);
  const FileVariable& a = *file.find("a");
  EXPECT_EQ(a.text("units"), "K");
  EXPECT_EQ(a.number("scale_factor"), 0.25);
  EXPECT_EQ(std::get<std::vector<double>>(a.attributes.at("flags")), (std::vector<double>{1, 2, 3}));
  EXPECT_EQ(a.number("units"), std::nullopt);
  EXPECT_EQ(a.text("nothing"), "");
  EXPECT_EQ(a.chunk, std::vector<int64_t>{4});
  EXPECT_EQ(std::get<std::string>(file.attributes().at("authors")), "one, two");
  EXPECT_EQ(file.find("scalar")->size(), 1);
  EXPECT_EQ(file.find("nothing"), nullptr);
  EXPECT_TRUE(std::isnan(file.read_all(*file.find("scalar"))[0]));  // never written
  EXPECT_ERROR(file.read_all(*file.find("text")), Exit::data, path, "text", "char");
  std::vector<float> out(9);
  EXPECT_ERROR(file.read(a, std::vector<int64_t>{0}, std::vector<int64_t>{9}, std::span(out)), Exit::bug,
               "hyperslab");
}

TEST(Netcdf, DimensionsOfGroupsHaveIdsBetweenThose) {
  const TemporaryDirectory directory;
  const std::string path = directory / "groups.nc";
  {
    NetcdfBuilder file(path, NC_NETCDF4);
    int group = 0, of_group = 0;
    nc_def_grp(file.id(), "forecast", &group);
    nc_def_dim(group, "member", 7, &of_group);
    file.dim("x", 3);
    file.put(file.variable("t", NC_FLOAT, {"x"}), {1, 2, 3});
  }
  const NetcdfFile file(path);
  EXPECT_EQ(file.read_all(*file.find("t")), (std::vector<double>{1, 2, 3}));
  EXPECT_EQ(file.find("t")->dims[0].name, "x");
}

/// Variables of groups stand on the dims of the groups around them.
TEST(Netcdf, GroupsAreRead) {
  const TemporaryDirectory directory;
  const std::string path = directory / "groups.nc";
  {
    NetcdfBuilder file(path, NC_NETCDF4);
    file.coordinate("lat", {10, 20}, "degrees_north");
    file.coordinate("lon", {10, 20, 30}, "degrees_east");
    int group = 0, inner = 0, time = 0, variable = 0, dims[3] = {0, 0, 1};
    nc_def_grp(file.id(), "forecast", &group);
    nc_def_grp(group, "member", &inner);
    nc_def_dim(group, "time", 2, &time);
    nc_def_var(group, "time", NC_DOUBLE, 1, &time, &variable);
    nc_put_att_text(group, variable, "units", 22, "hours since 2000-01-01");
    const double hours[] = {0, 6};
    nc_put_var_double(group, variable, hours);
    dims[0] = time, dims[1] = 0, dims[2] = 1;
    nc_def_var(inner, "t", NC_FLOAT, 3, dims, &variable);
    nc_put_att_text(inner, variable, "coordinates", 4, "lat ");
    const float values[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    nc_put_var_float(inner, variable, values);
  }
  const NetcdfFile file(path);
  const FileVariable* t = file.find("/forecast/member/t");
  ASSERT_NE(t, nullptr);
  EXPECT_EQ(t->dims[0].name, "/forecast/time");
  EXPECT_EQ(t->dims[2].name, "lon");
  EXPECT_EQ(file.read_all(*t)[11], 12.0);
  const Dataset dataset({.files = {path}});
  EXPECT_EQ(dataset.variables().at(0).name, "/forecast/member/t");
  EXPECT_EQ(dataset.times().size(), 2);
}

/// What hdf5_chunks.cpp decodes is what netCDF-C reads: types, orders of bytes, filters, edges, unwritten
/// chunks.
TEST(Netcdf, ChunksDecodeAsNetcdfDoes) {
  const TemporaryDirectory directory;
  int n = 0;
  for (const nc_type type : {NC_BYTE, NC_USHORT, NC_SHORT, NC_INT, NC_FLOAT, NC_DOUBLE, NC_INT64}) {
    for (const bool big : {false, true}) {
      for (const int filters : {0, 1, 2, 3}) {  // deflate, shuffle
        const std::string path = directory / fmt::format("{}.nc", n++);
        {
          NetcdfBuilder file(path, NC_NETCDF4);
          file.dim("y", 5);
          file.dim("x", 7);
          const int id = file.variable("a", type, {"y", "x"});
          file.chunk(id, {2, 3});
          if (filters != 0) nc_def_var_deflate(file.id(), id, filters >> 1, filters & 1, 4);
          if (big) file.big_endian(id);
          std::vector<double> values(35);
          std::iota(values.begin(), values.end(), 1.0);
          file.put(id, values);
        }
        const NetcdfFile disk(path), memory = NetcdfFile::from_memory("memory", read_text(path, Exit::data));
        const FileVariable& a = *disk.find("a");
        constexpr std::array<int64_t, 4> kSlabs[] = {{0, 0, 5, 7}, {1, 2, 3, 4}, {4, 6, 1, 1}};
        for (const std::array<int64_t, 4>& slab : kSlabs) {
          const std::array<int64_t, 2> start = {slab[0], slab[1]}, count = {slab[2], slab[3]};
          std::vector<double> found(count[0] * count[1]), expected(found.size());
          disk.read(a, start, count, std::span(found));
          memory.read(*memory.find("a"), start, count, std::span(expected));
          EXPECT_EQ(found, expected) << path;
        }
      }
    }
  }
}

TEST(Netcdf, TextIsUtf8) {
  const TemporaryDirectory directory;
  const std::string path = directory / "text.nc";
  const std::vector<std::pair<std::string, std::string>> units = {{"\xB0"
                                                                   "C",
                                                                   "\xC2\xB0"
                                                                   "C"},
                                                                  {"\xC2\xB0"
                                                                   "C",
                                                                   "\xC2\xB0"
                                                                   "C"},
                                                                  {"\xE2\x82", "\xC3\xA2\xC2\x82"}};
  {
    NetcdfBuilder file(path, 0);
    file.dim("x", 3);
    for (size_t i = 0; i < units.size(); ++i)
      file.text(file.variable("v" + std::to_string(i), NC_FLOAT, {"x"}), "units", units[i].first);
  }
  const NetcdfFile file(path);
  for (size_t i = 0; i < units.size(); ++i)
    EXPECT_EQ(file.variables()[i].text("units"), units[i].second);
}

TEST(Netcdf, MovedFileStaysOpen) {
  const TemporaryDirectory directory;
  GridFile{}.write(directory / "a.nc");
  NetcdfFile first(directory / "a.nc");
  const NetcdfFile second(std::move(first));
  EXPECT_EQ(second.read_all(*second.find("lat")).size(), 5U);
}

TEST(Netcdf, FilesInMemoryReadLikeThoseOnDisk) {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.nc";
  for (const int format : {0, NC_64BIT_DATA, NC_NETCDF4}) {
    GridFile grid;
    grid.format = format;
    grid.write(path);
    const NetcdfFile disk(path);
    NetcdfFile opened = NetcdfFile::from_memory("bytes", read_text(path, Exit::data));
    const NetcdfFile memory(std::move(opened));
    EXPECT_EQ(memory.read_all(*memory.find("air")), disk.read_all(*disk.find("air")));
    EXPECT_EQ(memory.path(), "bytes");
  }
  EXPECT_ERROR(NetcdfFile::from_memory("bytes", ""), Exit::data, "bytes", "empty");
  EXPECT_ERROR(NetcdfFile::from_memory("bytes", read_text(path, Exit::data).substr(0, 700)), Exit::data,
               "bytes", "truncated");
}

TEST(Netcdf, DamagedValuesAreAnErrorOfTheVariable) {
  const TemporaryDirectory directory;
  const std::string path = directory / "damaged.nc";
  GridFile grid;
  grid.chunk = {4, 5, 6};
  grid.write(path);
  damage_last_chunk(path);
  const NetcdfFile file(path);
  EXPECT_ERROR(file.read_all(*file.find("air")), Exit::data, path, "air", "damaged");
  std::string printed;
  std::thread([&] {
    testing::internal::CaptureStderr();
    EXPECT_ERROR(file.read_all(*file.find("air")), Exit::data, path, "air", "damaged");
    const NetcdfFile other(path);
    printed = testing::internal::GetCapturedStderr();
  }).join();
  EXPECT_EQ(printed, "");
}

TEST(Netcdf, ThreadsReadAtTheSameTime) {
  const TemporaryDirectory directory;
  const std::string path = directory / "threads.nc";
  GridFile grid;
  grid.chunk = {1, 5, 6};
  grid.write(path);
  const NetcdfFile shared(path);
  const std::vector<double> expected = shared.read_all(*shared.find("air"));
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int repeat = 0; repeat < 50; ++repeat) {
        const NetcdfFile own(path);
        if (own.read_all(*own.find("air")) != expected || shared.read_all(*shared.find("air")) != expected)
          ++wrong;
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace seqvit::data
