#include "evaluate/climatology.h"

#include <cmath>

#include <gtest/gtest.h>

#include "evaluate/synthetic.h"

namespace seqvit::evaluate {
namespace {

using testing::Synthetic;
using testing::TemporaryDirectory;
using testing::write_synthetic;

// A number that depends on all its arguments, missing one time in seven.
double some_value(int64_t v, int64_t t, int64_t y, int64_t x) {
  const int64_t mixed = (v * 7919 + t * 104729 + y * 1299709 + x * 15485863) % 1009;
  return mixed % 7 == 0 ? NAN : static_cast<double>(mixed) / 8.0;
}

// Position of a date in a leap year, and the distance of two such positions round the year.
int64_t leap_day(const data::Dataset& dataset, int64_t time) {
  static const int kStart[] = {0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335};
  const data::DateTime date = data::to_date_time(dataset.times()[time], dataset.calendar());
  return kStart[date.month - 1] + date.day - 1;
}

double brute_force(const data::Dataset& dataset, Range training, const Synthetic& s, int64_t v, int64_t time,
                   int64_t y, int64_t x) {
  double sum = 0, count = 0;
  for (int64_t t = training.begin; t < training.end; ++t) {
    const int64_t apart = std::abs(leap_day(dataset, t) - leap_day(dataset, time));
    const bool same_hour = (dataset.times()[t] - dataset.times()[time]) % 86400 == 0;
    const double value = s.value(v, t, y, x);
    if (!same_hour || std::min(apart, 366 - apart) > 10 || std::isnan(value)) continue;
    sum += value;
    count += 1;
  }
  return count > 0 ? sum / count : NAN;
}

// Three years around a leap year, 12-hourly.
struct Years {
  TemporaryDirectory directory;
  Synthetic source;
  std::unique_ptr<data::Dataset> dataset;

  Years() {
    source.variables = {"a", "b"};
    source.latitude = {45, -45};
    source.longitude = {0, 120, 240};
    source.times = Synthetic::steps(2 * (365 + 366 + 365), 12.0);
    source.time_units = "hours since 2003-01-01";
    source.value = some_value;
    write_synthetic(directory / "years.nc", source);
    dataset = std::make_unique<data::Dataset>(data::DatasetOptions{{directory / "years.nc"}, {"a", "b"}});
  }
};

TEST(Climatology, EqualsBruteForce) {
  const Years years;
  const Range training{0, 2 * (365 + 366)};
  const std::vector<data::TimeStamp>& all = years.dataset->times();
  const Climatology climatology(*years.dataset, {training, {1, 0}, {0, 2}}, all);
  for (const int64_t time :
       {0, 1, 117, 118, 119, 120, 2 * (365 + 59), 2 * (365 + 60), 2 * (365 + 366), 2190, 2191}) {
    for (int64_t y = 0; y < 2; ++y) {
      for (int64_t x = 0; x < 3; ++x) {
        EXPECT_NEAR(climatology.field(0, all[time])[y * 3 + x],
                    brute_force(*years.dataset, training, years.source, 1, time, y, x), 1e-4)
            << "b at time " << time;
        EXPECT_NEAR(climatology.field(1, all[time])[y * 3 + x],
                    brute_force(*years.dataset, training, years.source, 0, time, y, x), 1e-4);
      }
    }
  }
}

TEST(Climatology, DoesNotDependOnMemoryOrOnRows) {
  const Years years;
  const Range training{0, 1500};
  const std::vector<data::TimeStamp>& all = years.dataset->times();
  const Climatology whole(*years.dataset, {training, {0, 1}, {0, 2}}, all);
  ClimatologyOptions frugal{training, {0, 1}, {1, 2}};
  frugal.memory_bytes = 0;                 // everything in the temporary file
  frugal.working_bytes = 40 * 2 * 3 * 12;  // 40 days at a time, that is 20 with a window on both sides
  const Climatology pieces(*years.dataset, frugal, all);
  for (int64_t time = 0; time < static_cast<int64_t>(all.size()); ++time) {
    for (int64_t v = 0; v < 2; ++v) {
      ASSERT_TRUE(std::ranges::equal(whole.field(v, all[time]).subspan(3), pieces.field(v, all[time])))
          << time;
    }
  }
}

TEST(Climatology, IsMissingWhereNoTrainingTimeIsNear) {
  const Years years;
  // January 2003 only: reaches 10 days into February and, round the year, into December.
  const std::vector<data::TimeStamp>& all = years.dataset->times();
  const Climatology climatology(*years.dataset, {{0, 62}, {0}, {0, 2}}, all);
  const auto valid = [&](int64_t day) { return std::isfinite(climatology.field(0, all[2 * day])[0]); };
  EXPECT_TRUE(valid(20));
  EXPECT_TRUE(valid(36));
  EXPECT_FALSE(valid(45));
  EXPECT_FALSE(valid(200));
  EXPECT_TRUE(valid(362));
}

TEST(Climatology, KeepsTheTimesOfDayApart) {
  TemporaryDirectory directory;
  Synthetic source;
  source.times = Synthetic::steps(400 * 4, 6.0);
  source.value = [](int64_t, int64_t t, int64_t, int64_t) { return 100.0 * static_cast<double>(t % 4); };
  write_synthetic(directory / "day.nc", source);
  const data::Dataset dataset({{directory / "day.nc"}});
  const std::vector<data::TimeStamp>& all = dataset.times();
  const Climatology climatology(dataset, {{0, 1460}, {0}, {0, 4}}, all);
  for (int64_t time = 1500; time < 1504; ++time)
    EXPECT_EQ(climatology.field(0, all[time])[5], 100.0f * (time % 4));
}

TEST(Climatology, MonthlyDataAreAveragedByMonth) {
  TemporaryDirectory directory;
  Synthetic source;
  source.time_units = "days since 2001-01-15";
  source.calendar = "noleap";
  for (int64_t i = 0; i < 36; ++i) {
    static const int kStart[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    source.times.push_back(365.0 * static_cast<double>(i / 12) + kStart[i % 12]);
  }
  source.value = [](int64_t, int64_t t, int64_t, int64_t) {
    return static_cast<double>(t % 12 + 100 * (t / 12));
  };
  write_synthetic(directory / "months.nc", source);
  const data::Dataset dataset({{directory / "months.nc"}});
  const std::vector<data::TimeStamp> needed = {dataset.times()[24], dataset.times()[35]};
  const Climatology climatology(dataset, {{0, 24}, {0}, {0, 4}, true}, needed);
  EXPECT_EQ(climatology.field(0, needed[0])[0], 50.0f);
  EXPECT_EQ(climatology.field(0, needed[1])[0], 61.0f);
}

TEST(Climatology, KnowsYearsOf360Days) {
  TemporaryDirectory directory;
  Synthetic source;
  source.calendar = "360_day";
  source.time_units = "days since 2001-01-01";
  source.times = Synthetic::steps(720, 1.0);
  source.value = [](int64_t, int64_t t, int64_t, int64_t) { return t % 360 == 0 ? 21.0 : 0.0; };
  write_synthetic(directory / "days.nc", source);
  const data::Dataset dataset({{directory / "days.nc"}});
  const std::vector<data::TimeStamp>& all = dataset.times();
  const Climatology climatology(dataset, {{0, 360}, {0}, {0, 4}}, all);
  EXPECT_EQ(climatology.field(0, all[360 + 10])[0], 1.0f);
  EXPECT_EQ(climatology.field(0, all[360 + 11])[0], 0.0f);
  EXPECT_EQ(climatology.field(0, all[360 + 350])[0], 1.0f) << "21 December to 1 January are 10 days";
  EXPECT_EQ(climatology.field(0, all[360 + 349])[0], 0.0f);
}

}  // namespace
}  // namespace seqvit::evaluate
