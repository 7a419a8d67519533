#include "evaluate/climatology_file.h"

#include <cmath>

#include <gtest/gtest.h>

#include "evaluate/synthetic.h"
#include "support/errors.h"

namespace seqvit::evaluate {
namespace {

using namespace testing;

// A number that depends on all its arguments, missing one time in seven.
double some_value(int64_t v, int64_t t, int64_t y, int64_t x) {
  const int64_t mixed = (v * 7919 + t * 104729 + y * 1299709 + x * 15485863) % 1009;
  return mixed % 7 == 0 ? NAN : static_cast<double>(mixed) / 8.0;
}

/// 500 days, 12-hourly.
struct Days {
  TemporaryDirectory directory;
  std::unique_ptr<data::Dataset> dataset;

  explicit Days(const std::string& calendar = "standard") {
    Synthetic source;
    source.variables = {"a", "b"};
    source.times = Synthetic::steps(1000, 12.0);
    source.time_units = "hours since 2003-11-20";
    source.calendar = calendar;
    source.value = some_value;
    write_synthetic(directory / "days.nc", source);
    dataset = std::make_unique<data::Dataset>(data::DatasetOptions{{directory / "days.nc"}, {"a", "b"}});
  }
  std::filesystem::path kept() const { return directory / "climatology.nc"; }
};

void expect_same(const ClimatologyFields& found, const ClimatologyFields& expected) {
  ASSERT_EQ(found.bins(), expected.bins());
  for (int64_t v = 0; v < 2; ++v) {
    for (const auto& [bin, number] : expected.bins()) {
      const auto f = found.values(v, number), e = expected.values(v, number);
      for (size_t i = 0; i < e.size(); ++i)
        ASSERT_TRUE(f[i] == e[i] || (std::isnan(f[i]) && std::isnan(e[i])))
            << v << " day " << bin.day << " " << i;
    }
  }
}

// Bit for bit: whether the file was there changes no score.
TEST(ClimatologyFile, IsWhatIsComputedWithoutIt) {
  for (const char* calendar : {"standard", "noleap", "360_day"}) {
    const Days days(calendar);
    const ClimatologyOptions options{{0, 900}, {1, 0}, {0, 4}};
    FunctionForecaster forecaster(*days.dataset, [](std::span<float>) {});
    write_climatology(days.kept(), "key", "x", *days.dataset, options, forecaster);
    const ClimatologyFile file(days.kept(), *days.dataset, false, {1, 0});
    EXPECT_EQ(file.key(), "key");
    EXPECT_EQ(file.describe(), "by date and hour 0, 12");
    const std::vector<data::TimeStamp>& times = days.dataset->times();
    const Climatology expected(*days.dataset, options, times);
    expect_same(file.read({0, 4}, times, int64_t{1} << 30), expected);
    ClimatologyOptions rows = options;
    rows.rows = {1, 3};
    expect_same(file.read({1, 3}, times, 0), Climatology(*days.dataset, rows, times));
  }
}

TEST(ClimatologyFile, OfSeveralRanksIsThatOfOne) {
  const Days days;
  const ClimatologyOptions options{{0, 900}, {0, 1}, {0, 4}};
  Meeting meeting(2);
  run_ranks(2, [&](int rank) {
    ClimatologyOptions mine = options;
    mine.rows = rank == 0 ? Range{0, 1} : Range{1, 4};
    SlabForecaster forecaster(
        *days.dataset, [](std::span<float>) {}, meeting, rank, mine.rows);
    write_climatology(days.kept(), "key", "x", *days.dataset, mine, forecaster);
  });
  const std::vector<data::TimeStamp>& times = days.dataset->times();
  expect_same(ClimatologyFile(days.kept(), *days.dataset, false, {0, 1}).read({0, 4}, times, 1 << 20),
              Climatology(*days.dataset, options, times));
}

TEST(ClimatologyFile, IsMissingAtTimesOfDayThatItLacks) {
  const Days days;
  FunctionForecaster forecaster(*days.dataset, [](std::span<float>) {});
  write_climatology(days.kept(), "key", "x", *days.dataset, {{0, 900}, {0}, {0, 4}}, forecaster);
  const ClimatologyFile file(days.kept(), *days.dataset, false, {0});
  const data::TimeStamp noon = days.dataset->times()[101], three = noon + 3 * 3600;
  const ClimatologyFields fields = file.read({0, 4}, std::vector{noon, three}, 1 << 20);
  EXPECT_TRUE(std::isfinite(fields.field(0, noon)[0]));
  EXPECT_TRUE(std::isnan(fields.field(0, three)[0]));
}

TEST(ClimatologyFile, RefusesWhatIsNone) {
  const Days days;
  EXPECT_ERROR(ClimatologyFile(days.directory / "days.nc", *days.dataset, false, {0}), Exit::data,
               "expected a climatology");
  FunctionForecaster forecaster(*days.dataset, [](std::span<float>) {});
  write_climatology(days.kept(), "key", "x", *days.dataset, {{0, 900}, {0}, {0, 4}}, forecaster);
  EXPECT_ERROR(ClimatologyFile(days.kept(), *days.dataset, false, {1}), Exit::data,
               "b: expected one of its variables a");
  EXPECT_ERROR(ClimatologyFile(days.kept(), *days.dataset, true, {0}), Exit::data, "climatology of months");
  EXPECT_NO_THROW(ClimatologyFile(days.kept(), *days.dataset, false, {0}));
}

}  // namespace
}  // namespace seqvit::evaluate
