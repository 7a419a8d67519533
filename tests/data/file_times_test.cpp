#include "data/file_times.h"

#include <gtest/gtest.h>

#include "data/netcdf.h"
#include "data/netcdf_builder.h"
#include "support/errors.h"
#include "support/temporary_directory.h"

namespace seqvit::data {
namespace {

class FileTimes : public testing::Test {
 protected:
  /// Times of a file with one coordinate, as text.
  std::vector<std::string> read(const std::vector<double>& values, const std::string& units,
                                const std::string& calendar = "standard", nc_type type = NC_DOUBLE,
                                const FileReading& reading = {}) {
    const std::string path = directory_ / "a.nc";
    {
      NetcdfBuilder file(path, 0);
      const int id = file.coordinate("time", values, units, false, type);
      file.text(id, "calendar", calendar);
    }
    return text_of(path, "time", reading);
  }

  static std::vector<std::string> text_of(const std::string& path, const std::string& dim,
                                          const FileReading& reading = {}) {
    const NetcdfFile file(path);
    const FileVariable* variable = file.find(dim);
    const FileAxes axes = find_axes(file, reading);
    const TimeAxis axis = read_times(file, variable->dims[0], axes);
    std::vector<std::string> result;
    for (const TimeStamp time : axis.times)
      result.push_back(format_time(time, axis.calendar).substr(0, 16));
    return result;
  }

  TemporaryDirectory directory_;
};

using Texts = std::vector<std::string>;

TEST_F(FileTimes, StoredAsFloatAreRoundedToTheStepTheyShow) {
  // Hours since 1900 as float: above 2^20 a float holds eighths of an hour, so 10 minutes are lost.
  std::vector<double> hours, days;
  for (int i = 0; i < 8; ++i) {
    hours.push_back(1'052'000.0 + 6.0 * i + 0.03);
    days.push_back(736'000.0 + 0.25 * i);
  }
  const Texts found = read(hours, "hours since 1900-01-01", "standard", NC_FLOAT);
  EXPECT_EQ(found[0], "2020-01-05T08:00");
  EXPECT_EQ(found[1], "2020-01-05T14:00");
  EXPECT_EQ(read(days, "days since 0001-01-01", "proleptic_gregorian", NC_FLOAT)[1], "2016-02-07T06:00");
  // Thirds of a day are no multiple of what a float shows: days since 1850, three hourly.
  std::vector<double> thirds;
  for (int i = 0; i < 16; ++i)
    thirds.push_back(60'000.0 + i / 8.0 + 1.0 / 24.0);
  const Texts three_hourly = read(thirds, "days since 1850-01-01", "noleap", NC_FLOAT);
  EXPECT_EQ(three_hourly[1].substr(10), "T04:00");
  EXPECT_EQ(three_hourly[15].substr(10), "T22:00");
}

TEST_F(FileTimes, DoublesOfAFewDigitsToo) {
  EXPECT_EQ(read({0.0, 0.04167, 0.08333}, "days since 2000-01-01"),
            (Texts{"2000-01-01T00:00", "2000-01-01T01:00", "2000-01-01T02:00"}));
  EXPECT_EQ(read({0.0, 17.0, 34.0}, "minutes since 2000-01-01")[1], "2000-01-01T00:17")
      << "no step: as it is";
}

TEST_F(FileTimes, CloserThanASecondAreNotCalledTheSame) {
  EXPECT_ERROR(read({0, 0.25, 0.5}, "seconds since 2001-01-01"), Exit::data, "a second or more apart",
               "0 and 0.25 seconds since", "data.time: index");
  EXPECT_EQ(read({0, 1, 2}, "seconds since 2001-01-01").size(), 3u);
}

TEST_F(FileTimes, MonthsAreThoseOfTheCalendar) {
  EXPECT_EQ(read({0, 1, 2, 12}, "months since 2000-01-01"),
            (Texts{"2000-01-01T00:00", "2000-02-01T00:00", "2000-03-01T00:00", "2001-01-01T00:00"}));
  EXPECT_EQ(read({0.5, 1.5}, "months since 2001-01-01"), (Texts{"2001-01-16T12:00", "2001-02-15T00:00"}));
  EXPECT_EQ(read({0, 1, 13}, "months since 2000-01-16", "360_day"),
            (Texts{"2000-01-16T00:00", "2000-02-16T00:00", "2001-02-16T00:00"}));
  EXPECT_EQ(read({0, 3}, "years since 1999-07-01")[1], "2002-07-01T00:00");
}

TEST_F(FileTimes, WithoutDatesAreNumbersWhereTheUserSaysSo) {
  EXPECT_EQ(read({3, 4, 5}, "1", "standard", NC_DOUBLE, {.index_time = true}),
            (Texts{"2000-01-01T00:00", "2000-01-01T01:00", "2000-01-01T02:00"}));
  EXPECT_EQ(read({3, 4}, "", "standard", NC_DOUBLE, {.index_grid = true})[1], "2000-01-01T01:00");
  EXPECT_EQ(read({3, 4}, "days since 2010-01-01", "standard", NC_DOUBLE, {.index_grid = true})[1],
            "2010-01-05T00:00")
      << "dates stay dates";
  EXPECT_ERROR(read({3, 4}, "1"), Exit::data, "time units", "data.time: index");
}

/// As cfgrib lays out a forecast: `time` is its start, `step` the hours from there.
void write_forecast(const std::string& path, bool valid_time, const std::vector<double>& steps) {
  NetcdfBuilder file(path, NC_NETCDF4);
  const int time = file.coordinate("time", {0, 24}, "hours since 2020-01-01");
  file.text(time, "standard_name", "time");
  file.text(time, "long_name", "initial time of forecast");
  if (steps.size() > 1) {
    file.text(file.coordinate("step", steps, "hours"), "standard_name", "forecast_period");
  } else {
    const int step = file.variable("step", NC_DOUBLE, {});
    file.text(step, "units", "hours");
    file.put(step, steps);
  }
  if (!valid_time) return;
  const int valid = file.variable("valid_time", NC_DOUBLE, {"time"});
  file.text(valid, "units", "hours since 2020-01-01");
  file.text(valid, "standard_name", "time");
  file.put(valid, {6 + 0, 6 + 24});
}

TEST_F(FileTimes, OfForecastsAreWhenFieldsAreValid) {
  const std::string path = directory_ / "f.nc";
  write_forecast(path, true, {6});
  EXPECT_EQ(text_of(path, "time"), (Texts{"2020-01-01T06:00", "2020-01-02T06:00"}));
  write_forecast(path, false, {12});
  EXPECT_EQ(text_of(path, "time"), (Texts{"2020-01-01T12:00", "2020-01-02T12:00"}));
  write_forecast(path, false, {0, 6, 12});
  EXPECT_EQ(text_of(path, "time", {.select = {{"step", 6}}}),
            (Texts{"2020-01-01T06:00", "2020-01-02T06:00"}));
}

}  // namespace
}  // namespace seqvit::data
