#include "data/period.h"

#include <gtest/gtest.h>

#include "data/times.h"
#include "support/errors.h"

namespace seqvit::data {
namespace {

Range split(const std::vector<TimeStamp>& times, const std::string& first, const std::string& last) {
  return resolve_period({{first, last}}, times, Calendar::standard, "data.split.train").times;
}

TEST(Period, DatesIncludeTheirEnd) {
  const auto times = every(6, 2920);
  EXPECT_EQ(split(times, "2013-01-01", "2013-12-31"), (Range{0, 1460}));
  EXPECT_EQ(split(times, "2014-01-01", "2014-06-30"), (Range{1460, 1460 + 181 * 4}));
  EXPECT_EQ(split(times, "2013-01-01T06", "2013-01-01T12"), (Range{1, 3}));
  EXPECT_EQ(split(times, "2013-01-02", "2013-01-02"), (Range{4, 8}));
  EXPECT_EQ(split(every(6, 8, "2013-01-01T18"), "2013-01-01", "2013-01-03"), (Range{0, 8}))
      << "the day of the first field";
}

TEST(Period, IndicesExcludeTheirEnd) {
  const auto times = every(6, 100);
  EXPECT_EQ(split(times, "0", "100"), (Range{0, 100}));
  EXPECT_EQ(split(times, "10", "11"), (Range{10, 11}));
  EXPECT_ERROR(split(times, "0", "101"), Exit::usage, "data.split.train", "0 to 100", "[0, 101]");
  EXPECT_ERROR(split(times, "-1", "10"), Exit::usage, "[-1, 10]");
  EXPECT_ERROR(split(times, "10", "10"), Exit::usage, "[10, 10]");
}

TEST(Period, MonthlyFieldsInTheMiddleOfTheMonth) {
  std::vector<TimeStamp> times;
  for (int month = 1; month <= 12; ++month)
    times.push_back(to_time_stamp({2013, month, 16, 12}, Calendar::standard));
  EXPECT_EQ(split(times, "2013-01-01", "2013-12-31"), (Range{0, 12}));
  EXPECT_EQ(split(times, "2013-02-01", "2013-03-31"), (Range{1, 3}));
}

TEST(Period, RefusesWhatIsNotThere) {
  const auto times = every(6, 2920);
  EXPECT_ERROR(split(times, "2012-12-31", "2013-12-31"), Exit::usage, "within the data",
               "2013-01-01T00:00:00 to 2014-12-31T18:00:00");
  EXPECT_ERROR(split(times, "2013-01-01", "2015-01-01"), Exit::usage, "within the data");
  EXPECT_ERROR(split(times, "2013-12-31", "2013-01-01"), Exit::usage, "first date before the last");
  EXPECT_ERROR(split(times, "2013-01-01T01", "2013-01-01T05"), Exit::usage, "within the data");
  EXPECT_ERROR(split(times, "2013-01-01", "100"), Exit::usage, "one of each");
  EXPECT_ERROR(split(times, "2013-02-30", "2013-12-31"), Exit::usage, "data.split.train", "2013-02-30");
  EXPECT_ERROR(resolve_period({{"2013-01-01"}}, times, Calendar::standard, "data.split.test"), Exit::usage,
               "data.split.test", "1 values");
}

TEST(Period, WholeNumbersNearTheDataAreYears) {
  const auto times = every(24, 365 * 8 + 2, "2010-01-01");  // to the end of 2017
  const auto resolved = [&](const PeriodConfig& period) {
    return resolve_period(period, times, Calendar::standard, "data.split.train");
  };
  const Period years = resolved({{"2011", "2012"}});
  EXPECT_EQ(years.kind, BoundKind::years);
  EXPECT_EQ(years.times, (Range{365, 365 + 365 + 366}));
  EXPECT_EQ(resolved({{"2011", "2011"}}).times, (Range{365, 730}));
  EXPECT_EQ(resolved({{"2011", "2012-03-31"}}).times, (Range{365, 730 + 91})) << "a year beside a date";
  EXPECT_EQ(resolved({{"2017", "2017"}}).times.end, std::ssize(times));
  // Indices: asked for, or no years of this data.
  EXPECT_EQ(resolved({{"2011", "2012"}, true}).times, (Range{2011, 2012}));
  EXPECT_EQ(resolved({{"0", "2000"}}).times, (Range{0, 2000}));
  EXPECT_EQ(resolved({{"1000", "1500"}}).kind, BoundKind::indices);
  EXPECT_ERROR(resolved({{"1990", "2012"}}), Exit::usage, "within the data", "2010-01-01T00:00:00");
  EXPECT_ERROR(resolved({{"2011", "2020"}}), Exit::usage, "within the data");
  EXPECT_ERROR(resolved({{"2012", "2011"}}), Exit::usage, "first date before the last");
  EXPECT_ERROR(resolved({{"2012-01-01", "2013"}, true}), Exit::usage, "after 'index'");
}

TEST(Period, FewDigitsAreIndicesWhateverYearTheDataBegin) {
  std::vector<TimeStamp> times;
  for (int64_t day = 0; day < 100; ++day)  // a simulation of year 1
    times.push_back(to_time_stamp({1}, Calendar::noleap) + day * 86400);
  EXPECT_EQ(resolve_period({{"32", "40"}}, times, Calendar::noleap, "split").times, (Range{32, 40}));
}

TEST(Period, MonthsAndYearsNeedNotBeWholeInTheData) {
  const auto times = every(24, 300, "2013-03-15");  // to 2014-01-08
  EXPECT_EQ(split(times, "2013", "2013"), (Range{0, 292}));
  EXPECT_EQ(split(times, "2013-03", "2013-04"), (Range{0, 17 + 30}));
  EXPECT_EQ(split(times, "2013-12", "2014-01"), (Range{261, 300}));
  EXPECT_ERROR(split(times, "2013-02", "2013-04"), Exit::usage, "within the data");
  EXPECT_ERROR(split(times, "2013-13", "2014-01"), Exit::usage, "2013-13");
}

TEST(Period, OfACalendarWithYearsOf360Days) {
  std::vector<TimeStamp> times;
  for (int64_t day = 0; day < 720; ++day)
    times.push_back(to_time_stamp({2000}, Calendar::day360) + day * 86400);
  EXPECT_EQ(resolve_period({{"2001", "2001"}}, times, Calendar::day360, "split").times, (Range{360, 720}));
  EXPECT_EQ(resolve_period({{"2000-02", "2000-02"}}, times, Calendar::day360, "split").times,
            (Range{30, 60}));
}

TEST(Period, SaysWhatBecomesOfItsTimes) {
  auto times = every(6, 40);
  times.erase(times.begin() + 10, times.begin() + 12);
  const PairCount pairs = count_pairs(times, Calendar::standard, {0, 38}, {24 * 3600, 0});
  EXPECT_EQ(pairs.samples, 38 - 4 - 2);
  EXPECT_EQ(pairs.ends, 4);
  EXPECT_EQ(pairs.gaps, 2);
  const Period period = resolve_period({{"0", "38"}}, times, Calendar::standard, "split");
  EXPECT_EQ(describe_period(period, times, Calendar::standard, {24 * 3600, 0}),
            "2013-01-01T00:00:00 to 2013-01-10T18:00:00 (by time indices): 38 times, 32 samples of 1d, 4 "
            "lost at the end, "
            "2 to gaps");
}

TEST(Period, MonthsOfDifferentDaysLoseNone) {
  std::vector<TimeStamp> times;
  for (const DateTime& date :
       std::initializer_list<DateTime>{{2001, 1, 16, 12}, {2001, 2, 15}, {2001, 3, 16, 12}})
    times.push_back(to_time_stamp(date, Calendar::noleap));
  const PairCount pairs = count_pairs(times, Calendar::noleap, {0, 3}, {0, 1});
  EXPECT_EQ(pairs.samples, 2);
  EXPECT_EQ(pairs.ends, 1);
  EXPECT_EQ(pairs.gaps, 0);
}

}  // namespace
}  // namespace seqvit::data
