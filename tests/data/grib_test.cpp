#include "data/grib.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <fstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "data/open_file.h"
#include "support/errors.h"
#include "support/temporary_directory.h"

#ifdef SEQVIT_ECCODES
#include <eccodes.h>

#include "core/file.h"
#include "data/dataset.h"
#endif

namespace seqvit::data {
namespace {

#ifndef SEQVIT_ECCODES

TEST(Grib, WithoutTheLibraryItSaysWhatToInstall) {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.grib";
  std::ofstream(path) << "GRIB   \x02 and more";
  EXPECT_ERROR(open_file(path), Exit::data, path, "libeccodes-dev");
  EXPECT_EQ(grib_library(), "");
}

#else

/// A message on 3 x 4 points whose value at (y, x) is base + 10 y + x, y from north to south, x from west to
/// east.
struct Made {
  const char* sample = "regular_ll_sfc_grib2";
  int64_t date = 20200101, hour = 0, step = 0, number = -1, level = 0;
  const char* level_type = "surface";
  const char* parameter = "2t";
  double base = 0;
  int64_t i_negative = 0, j_positive = 0, j_consecutive = 0, alternative = 0;
  double missing = NAN;  ///< a value that the bitmap leaves out
  const char* grid = "regular_ll";

  static double value(int64_t y, int64_t x) { return static_cast<double>(10 * y + x); }

  void append(const std::string& path) const {
    codes_handle* handle = codes_grib_handle_new_from_samples(nullptr, sample);
    ASSERT_NE(handle, nullptr) << sample;
    const auto set = [&](const char* key, int64_t value_of_key) {
      EXPECT_EQ(codes_set_long(handle, key, value_of_key), 0) << key;
    };
    const auto set_text = [&](const char* key, const char* text) {
      size_t size = std::strlen(text);
      EXPECT_EQ(codes_set_string(handle, key, text, &size), 0) << key;
    };
    if (std::string(grid) != "regular_ll")
      set_text("gridType", grid);
    else {
      set("Ni", 4);
      set("Nj", 3);
      const double north = 60, south = 40, west = 350, east = 20;
      codes_set_double(handle, "latitudeOfFirstGridPointInDegrees", j_positive != 0 ? south : north);
      codes_set_double(handle, "latitudeOfLastGridPointInDegrees", j_positive != 0 ? north : south);
      codes_set_double(handle, "longitudeOfFirstGridPointInDegrees", i_negative != 0 ? east : west);
      codes_set_double(handle, "longitudeOfLastGridPointInDegrees", i_negative != 0 ? west : east);
      codes_set_double(handle, "iDirectionIncrementInDegrees", 10);
      codes_set_double(handle, "jDirectionIncrementInDegrees", 10);
      set("iScansNegatively", i_negative);
      set("jScansPositively", j_positive);
      set("jPointsAreConsecutive", j_consecutive);
      if (alternative != 0) set("alternativeRowScanning", alternative);
    }
    set("dataDate", date);
    set("dataTime", hour * 100);
    set_text("stepRange", std::to_string(step).c_str());
    if (number >= 0) {
      set("productDefinitionTemplateNumber", 1);
      set("number", number);
    }
    set_text("shortName", parameter);
    if (std::string(level_type) != "surface") {
      set_text("typeOfLevel", level_type);
      set("level", level);
    }
    set("bitsPerValue", 24);
    if (std::string(grid) == "regular_ll") {
      if (!std::isnan(missing)) {
        set("bitmapPresent", 1);
        codes_set_double(handle, "missingValue", missing);
      }
      std::vector<double> values;
      for (int64_t k = 0; k < 12; ++k) {
        int64_t y = j_consecutive != 0 ? k % 3 : k / 4, x = j_consecutive != 0 ? k / 3 : k % 4;
        if (alternative != 0 && j_consecutive == 0 && y % 2 == 1) x = 3 - x;
        if (j_positive != 0) y = 2 - y;
        if (i_negative != 0) x = 3 - x;
        values.push_back(base + value(y, x));
      }
      EXPECT_EQ(codes_set_double_array(handle, "values", values.data(), values.size()), 0);
    }
    const void* bytes = nullptr;
    size_t size = 0;
    codes_get_message(handle, &bytes, &size);
    std::ofstream(path, std::ios::binary | std::ios::app)
        .write(static_cast<const char*>(bytes), static_cast<std::streamsize>(size));
    codes_handle_delete(handle);
  }
};

class GribTest : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return directory_ / name; }

  /// The field has the formula's values, wherever its rows and columns begin.
  static void expect_field(const SourceFile& file, const std::string& name, std::vector<int64_t> front,
                           double base) {
    const FileVariable* variable = file.find(name);
    ASSERT_NE(variable, nullptr) << name;
    const size_t dims = variable->dims.size();
    ASSERT_EQ(dims, front.size() + 2);
    std::vector<int64_t> count(dims, 1);
    front.insert(front.end(), {0, 0});
    count[dims - 2] = 3, count[dims - 1] = 4;
    std::vector<double> values(12);
    file.read(*variable, front, count, std::span(values));
    const std::vector<double> latitude = file.read_all(*file.find(variable->dims[dims - 2].name)),
                              longitude = file.read_all(*file.find(variable->dims[dims - 1].name));
    for (int64_t i = 0; i < 12; ++i) {
      const auto y = std::lround((60 - latitude[i / 4]) / 10),
                 x = std::lround(std::fmod(longitude[i % 4] - 350 + 720, 360) / 10);
      EXPECT_NEAR(values[i], base + Made::value(y, x), 1e-4) << name << i;
    }
  }

  TemporaryDirectory directory_;
};

TEST_F(GribTest, BothEditionsAndEveryScanningMode) {
  for (const char* sample : {"regular_ll_sfc_grib1", "regular_ll_sfc_grib2"}) {
    for (int mode = 0; mode < 16; ++mode) {
      if ((mode & 8) != 0 && std::string(sample).ends_with("1")) continue;  // edition 1 has no such flag
      if ((mode & 8) != 0 && (mode & 4) != 0) continue;  // columns in turns: ecCodes knows rows only
      Made made{.sample = sample};
      made.i_negative = mode & 1, made.j_positive = mode >> 1 & 1, made.j_consecutive = mode >> 2 & 1;
      made.alternative = mode >> 3 & 1;
      const std::string file = path(fmt::format("{}_{}.grib", sample, mode));
      made.append(file);
      SCOPED_TRACE(file);
      expect_field(*open_file(file), "t2m", {0}, 0);
    }
  }
}

TEST_F(GribTest, TimesLevelsAndParameters) {
  const std::string file = path("a.grib");
  double base = 0;
  for (const int64_t level : {850, 500}) {
    for (const int64_t hour : {6, 0, 12})
      Made{.sample = "regular_ll_pl_grib2",
           .hour = hour,
           .level = level,
           .level_type = "isobaricInhPa",
           .parameter = "t",
           .base = base += 100}
          .append(file);
  }
  for (const int64_t hour : {0, 6, 12})
    Made{.hour = hour, .base = 5}.append(file);
  const auto opened = open_file(file);
  // Times and levels in order, whatever that of the file.
  expect_field(*opened, "t", {0, 1}, 200);
  expect_field(*opened, "t", {1, 1}, 100);
  expect_field(*opened, "t", {2, 0}, 600);
  expect_field(*opened, "t2m", {2}, 5);
  EXPECT_EQ(opened->read_all(*opened->find("isobaricInhPa")), (std::vector<double>{500, 850}));
  EXPECT_EQ(opened->find("t")->text("units"), "K");
  const Dataset dataset({.files = {file}});
  EXPECT_EQ(format_time(dataset.times().at(1), dataset.calendar()), "2020-01-01T06:00:00");
  std::vector<std::string> names;
  for (const VariableInfo& variable : dataset.variables())
    names.push_back(variable.name);
  EXPECT_NE(std::find(names.begin(), names.end(), "t@850"), names.end());
}

TEST_F(GribTest, StepsMembersAndGaps) {
  const std::string file = path("a.grib");
  for (const int64_t number : {0, 1}) {
    for (const int64_t step : {0, 6}) {
      if (number == 1 && step == 6) continue;
      Made{.step = step, .number = number, .base = static_cast<double>(100 * number + step)}.append(file);
    }
  }
  const auto opened = open_file(file);
  const FileVariable& t = *opened->find("t2m");
  EXPECT_EQ(t.dims[0].name, "number");
  EXPECT_EQ(t.dims[1].name, "time");
  EXPECT_EQ(t.dims[2].name, "step");
  expect_field(*opened, "t2m", {0, 0, 1}, 6);
  expect_field(*opened, "t2m", {1, 0, 0}, 100);
  EXPECT_TRUE(std::isnan(opened->read_all(t).back()));  // member 1 has no step 6
  // One step only: the time is that of the field.
  const std::string one = path("one.grib");
  Made{.hour = 18, .step = 12}.append(one);
  const auto stepped = open_file(one);
  EXPECT_EQ(stepped->read_all(*stepped->find("time"))[0], 1577836800.0 + 30 * 3600);
}

TEST_F(GribTest, BitmapsAndWhatIsWrong) {
  const std::string file = path("a.grib");
  Made{.missing = 12}.append(file);
  const auto opened = open_file(file);
  const std::vector<double> values = opened->read_all(*opened->find("t2m"));
  EXPECT_EQ(std::count_if(values.begin(), values.end(), [](double value) { return std::isnan(value); }), 1);
  Made{.missing = 12}.append(file);
  EXPECT_ERROR(open_file(file), Exit::data, "t2m", "each field once", "grib_copy");
  const std::string cut = path("cut.grib"), bytes = read_text(file, Exit::data);
  write_text(cut, bytes.substr(0, bytes.size() - 5), Exit::data);
  EXPECT_ERROR(open_file(cut), Exit::data, cut, "truncated");
  const std::string reduced = path("reduced.grib");
  Made{.sample = "reduced_gg_pl_32_grib2", .parameter = "t", .grid = "reduced_gg"}.append(reduced);
  EXPECT_ERROR(open_file(reduced), Exit::data, "reduced_gg", "cdo", "setgridtype,regular");
}

/// ecCodes reads on behind such places; the values, or the times, would be others.
TEST_F(GribTest, DamageWithinAFileIsNamed) {
  const std::string one = path("one.grib"), damaged = path("damaged.grib");
  Made{}.append(one);
  const std::string message = read_text(one, Exit::data);
  const auto open_with = [&](const std::string& bytes) {
    write_text(damaged, bytes, Exit::data);
    return open_file(damaged);
  };
  const std::string hole = message.substr(0, 60) + message.substr(80), heading(150, 'h'), zeros(3000, '\0');
  EXPECT_ERROR(open_with(hole + message + message), Exit::data, "the message at byte 0 to end in 7777",
               "damaged");
  std::string lost = message;
  lost.replace(0, 4, "XXXX");
  lost += std::string(300, 'x');
  for (const std::string& bytes : {message + lost, message + lost + message})
    EXPECT_ERROR(open_with(bytes), Exit::data, "that belong to none", "damaged");
  EXPECT_NO_THROW(open_with(message + zeros + heading));
}

TEST_F(GribTest, GaussianGrid) {
  const std::string file = path("a.grib");
  codes_handle* handle = codes_grib_handle_new_from_samples(nullptr, "regular_gg_pl_grib2");
  ASSERT_NE(handle, nullptr);
  const void* bytes = nullptr;
  size_t size = 0;
  codes_get_message(handle, &bytes, &size);
  std::ofstream(file, std::ios::binary)
      .write(static_cast<const char*>(bytes), static_cast<std::streamsize>(size));
  codes_handle_delete(handle);
  const auto opened = open_file(file);
  const FileVariable& t = *opened->find("t");
  EXPECT_EQ(t.dims[t.dims.size() - 2].size, 64);
  EXPECT_NEAR(opened->read_all(*opened->find("latitude"))[0], 87.8638, 1e-3);
}

#endif

}  // namespace
}  // namespace seqvit::data
