#include "data/calendar.h"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "support/errors.h"

namespace seqvit::data {
namespace {

constexpr int64_t kDay = 86400;
constexpr Calendar kAll[] = {Calendar::standard, Calendar::proleptic_gregorian,
                             Calendar::julian,   Calendar::noleap,
                             Calendar::all_leap, Calendar::day360};

int64_t days(int64_t year, int month, int day, Calendar calendar) {
  return to_time_stamp({year, month, day}, calendar) / kDay;
}

TEST(Calendar, NamesOfCf) {
  EXPECT_EQ(parse_calendar("gregorian"), Calendar::standard);
  EXPECT_EQ(parse_calendar("Standard"), Calendar::standard);
  EXPECT_EQ(parse_calendar("365_day"), Calendar::noleap);
  EXPECT_EQ(parse_calendar("366_day"), Calendar::all_leap);
  for (const Calendar calendar : kAll)
    EXPECT_EQ(parse_calendar(calendar_name(calendar)), calendar);
  EXPECT_ERROR(parse_calendar("martian"), Exit::data, "360_day", "martian");
}

TEST(Calendar, CountsDaysAsOthersDo) {
  // Python's date.toordinal() - 1, which is proleptic Gregorian.
  EXPECT_EQ(days(1, 1, 1, Calendar::proleptic_gregorian), 0);
  EXPECT_EQ(days(1970, 1, 1, Calendar::proleptic_gregorian), 719162);
  // Differences of Julian Day Numbers from 1721424, the Julian 0001-01-01.
  EXPECT_EQ(days(1970, 1, 1, Calendar::standard), 2440588 - 1721424);
  EXPECT_EQ(days(1970, 1, 1, Calendar::julian), 2440601 - 1721424);
  EXPECT_EQ(days(2000, 3, 1, Calendar::day360), 1999 * 360 + 60);
  EXPECT_EQ(days(2000, 3, 1, Calendar::noleap), 1999 * 365 + 59);
  EXPECT_EQ(days(1900, 3, 1, Calendar::all_leap), 1899 * 366 + 60);
  EXPECT_EQ(days(2000, 3, 1, Calendar::standard) - days(2000, 2, 28, Calendar::standard), 2);
  EXPECT_EQ(days(1900, 3, 1, Calendar::standard) - days(1900, 2, 28, Calendar::standard), 1);
  EXPECT_EQ(days(1500, 3, 1, Calendar::standard) - days(1500, 2, 28, Calendar::standard), 2);
  EXPECT_EQ(
      days(1500, 3, 1, Calendar::proleptic_gregorian) - days(1500, 2, 28, Calendar::proleptic_gregorian), 1);
}

TEST(Calendar, StandardLeavesOutTheDaysOf1582) {
  EXPECT_EQ(days(1582, 10, 15, Calendar::standard) - days(1582, 10, 4, Calendar::standard), 1);
  EXPECT_EQ(
      days(1582, 10, 15, Calendar::proleptic_gregorian) - days(1582, 10, 4, Calendar::proleptic_gregorian),
      11);
  const TimeStamp last = to_time_stamp({1582, 10, 4, 23}, Calendar::standard);
  EXPECT_EQ(format_time(last + 3600, Calendar::standard), "1582-10-15T00:00:00");
  EXPECT_EQ(day_of_year(to_time_stamp({1582, 12, 31}, Calendar::standard), Calendar::standard), 355);
  EXPECT_ERROR(parse_time("1582-10-10", Calendar::standard), Exit::usage, "1582-10-10", "standard");
  EXPECT_NO_THROW(parse_time("1582-10-10", Calendar::proleptic_gregorian));
  EXPECT_NO_THROW(parse_time("1500-02-29", Calendar::standard));  // Julian until then
  EXPECT_ERROR(parse_time("1500-02-29", Calendar::proleptic_gregorian), Exit::usage, "1500-02-29");
  EXPECT_ERROR(parse_time("1900-02-29", Calendar::standard), Exit::usage, "1900-02-29");
}

TEST(Calendar, EveryDayFollowsTheOneBefore) {
  for (const Calendar calendar : kAll) {
    for (const int64_t from :
         {days(-401, 1, 1, calendar), days(1580, 1, 1, calendar), days(1999, 1, 1, calendar)}) {
      DateTime before = to_date_time((from - 1) * kDay, calendar);
      for (int64_t day = from; day < from + 1600; ++day) {
        const DateTime date = to_date_time(day * kDay, calendar);
        ASSERT_TRUE(is_valid(date, calendar));
        ASSERT_EQ(to_time_stamp(date, calendar), day * kDay);
        const bool same_month =
            date.month == before.month && date.year == before.year && date.day > before.day;
        const bool next_month = date.day == 1 && (date.month == before.month + 1 ||
                                                  (date.month == 1 && date.year == before.year + 1));
        ASSERT_TRUE(same_month || next_month) << format_time(day * kDay, calendar);
        before = date;
      }
    }
  }
}

TEST(Calendar, AnySecondReturns) {
  std::mt19937_64 random(1);
  for (const Calendar calendar : kAll) {
    for (int i = 0; i < 2000; ++i) {
      const auto time =
          static_cast<int64_t>(random() % (int64_t{12000} * 366 * kDay)) - int64_t{2000} * 366 * kDay;
      ASSERT_EQ(to_time_stamp(to_date_time(time, calendar), calendar), time);
      if (time >= 0) {
        ASSERT_EQ(parse_time(format_time(time, calendar), calendar), time);
      }
    }
  }
}

TEST(Calendar, DayOfYear) {
  EXPECT_EQ(day_of_year(to_time_stamp({2000, 12, 31, 23}, Calendar::standard), Calendar::standard), 366);
  EXPECT_EQ(day_of_year(to_time_stamp({2001, 1, 1}, Calendar::standard), Calendar::standard), 1);
  EXPECT_EQ(day_of_year(to_time_stamp({2000, 12, 31}, Calendar::noleap), Calendar::noleap), 365);
  EXPECT_EQ(day_of_year(to_time_stamp({2000, 12, 30}, Calendar::day360), Calendar::day360), 360);
}

TEST(ParseTime, AcceptsWhatPeopleWrite) {
  const TimeStamp six = to_time_stamp({2014, 7, 1, 6}, Calendar::standard);
  for (const char* text :
       {"2014-07-01T06", "2014-07-01 06:00", "2014-07-01T06:00:00Z", " 2014-7-1 6:00:00 "}) {
    bool whole_day = true;
    EXPECT_EQ(parse_time(text, Calendar::standard, &whole_day), six) << text;
    EXPECT_FALSE(whole_day);
  }
  bool whole_day = false;
  EXPECT_EQ(parse_time("2014-07-01", Calendar::standard, &whole_day), six - 6 * 3600);
  EXPECT_TRUE(whole_day);
  EXPECT_EQ(parse_time("2014-02-30", Calendar::day360), to_time_stamp({2014, 2, 30}, Calendar::day360));
}

TEST(ParseTime, RefusesTheRest) {
  for (const char* text : {"", "2014", "2014-07", "2014-13-01", "2014-02-29", "2014-07-01T25",
                           "2014-07-01T06:61", "2014-07-01x", "2014-07-01T", "2014-07-01T06:00:00.5",
                           "2014-07-01T06+01:00", "yesterday", "2014-00-01", "2014-07-00"}) {
    EXPECT_ERROR(parse_time(text, Calendar::standard), Exit::usage, "2014-07-01T06:00:00");
  }
  EXPECT_ERROR(parse_time("2000-02-29", Calendar::noleap), Exit::usage, "noleap");
}

std::string decoded(const std::string& units, double value, Calendar calendar = Calendar::standard) {
  return format_time(TimeUnits::parse(units, calendar).decode(value), calendar);
}

TEST(TimeUnits, KnownFiles) {
  EXPECT_EQ(decoded("hours since 1900-01-01 00:00:00", 1043136), "2019-01-01T00:00:00");  // ERA5
  EXPECT_EQ(decoded("hours since 1-1-1 00:00:0.0", 17067072), "1948-01-01T00:00:00");     // NCEP, old
  EXPECT_EQ(decoded("days since 1800-01-01", 19723, Calendar::proleptic_gregorian),
            "1854-01-01T00:00:00");  // ERSST
  EXPECT_EQ(decoded("hour since 1980-01-14 14:00:00", 1.5), "1980-01-14T15:30:00");
  EXPECT_EQ(decoded("days since 0101-01-01", 15.5, Calendar::proleptic_gregorian), "0101-01-16T12:00:00");
  EXPECT_EQ(decoded("seconds since 1970-01-01", 1404194400), "2014-07-01T06:00:00");
  EXPECT_EQ(decoded("nanoseconds since 1970-01-01", 1404194400e9), "2014-07-01T06:00:00");
  EXPECT_EQ(decoded("minutes since 2000-02-28T23:59:00Z", 2), "2000-02-29T00:01:00");
  EXPECT_EQ(decoded("days since 2000-02-28", 1, Calendar::noleap), "2000-03-01T00:00:00");
  EXPECT_EQ(decoded("days since 2000-02-29", 2, Calendar::day360), "2000-03-01T00:00:00");
  EXPECT_EQ(decoded("Days Since 0000-01-01", 0, Calendar::noleap), "0000-01-01T00:00:00");
  EXPECT_EQ(decoded("hours since 2000-01-01 00:00:00 +1:00", 1), "2000-01-01T00:00:00");
  EXPECT_EQ(decoded("hours since 2000-01-01 00:00:00 -0330", 0), "2000-01-01T03:30:00");
  EXPECT_EQ(decoded("hours since 2000-01-01 00:00:00 UTC", -1), "1999-12-31T23:00:00");
}

TEST(TimeUnits, FractionsOfDaysBecomeWholeSeconds) {
  const TimeUnits units = TimeUnits::parse("days since 1850-01-01", Calendar::standard);
  for (int64_t second = 0; second < kDay; second += 7) {
    const double value = 60000.0 + static_cast<double>(second) / kDay;
    ASSERT_EQ(units.decode(value) - units.origin, 60000 * kDay + second);
    ASSERT_EQ(units.decode(-value) - units.origin, -60000 * kDay - second);
  }
}

TEST(TimeUnits, RefusesWithTheReason) {
  EXPECT_ERROR(TimeUnits::parse("fortnights since 1850-01-01", Calendar::standard), Exit::data, "fortnights");
  EXPECT_ERROR(TimeUnits::parse("day as %Y%m%d.%f", Calendar::standard), Exit::data, "UNIT since DATE",
               "cdo");
  EXPECT_ERROR(TimeUnits::parse("days since yesterday", Calendar::standard), Exit::data, "after 'since'");
  EXPECT_ERROR(TimeUnits::parse("days since 2001-02-29", Calendar::standard), Exit::data, "2001-02-29");
  EXPECT_ERROR(TimeUnits::parse("", Calendar::standard), Exit::data, "UNIT since DATE");
}

/// What overflowed: years, zones and stored values that no int64_t of seconds holds.
TEST(TimeUnits, RefusesTimesBeyondAnyCalendar) {
  for (const char* origin : {"9223372036854775807-01-01", "-1000000-01-01", "99999999999-01-01"}) {
    EXPECT_ERROR(TimeUnits::parse(std::string("days since ") + origin, Calendar::noleap), Exit::data, origin);
    EXPECT_ERROR(parse_time(origin, Calendar::noleap), Exit::usage, origin);
  }
  EXPECT_ERROR(TimeUnits::parse("days since 2000-01-01 00:00 +9223372036854775807", Calendar::standard),
               Exit::data, "after 'since'");
  EXPECT_EQ(TimeUnits::parse("days since 2000-01-01 00:00 +1345", Calendar::standard).origin,
            parse_time("1999-12-31T10:15", Calendar::standard));
  for (const char* unit : {"weeks", "days", "seconds", "ns"}) {
    const TimeUnits units = TimeUnits::parse(std::string(unit) + " since 2000-01-01", Calendar::standard);
    for (const double value : {1e300, -1e300, double{INFINITY}, double{NAN}})
      EXPECT_ERROR(units.decode(value), Exit::data, "expected times");
  }
  const TimeUnits days = TimeUnits::parse("days since 2000-01-01", Calendar::standard);
  const TimeStamp late = days.decode(3e8);
  EXPECT_EQ(parse_time(format_time(late, Calendar::standard), Calendar::standard), late);
  EXPECT_ERROR(days.decode(4e8), Exit::data, "4e+08");
}

TEST(LeadTime, ParsesAndPrints) {
  EXPECT_EQ(LeadTime::parse("6h").seconds, 6 * 3600);
  EXPECT_EQ(LeadTime::parse("90min").seconds, 5400);
  EXPECT_EQ(LeadTime::parse(" 1 day").seconds, kDay);
  EXPECT_EQ(LeadTime::parse("1mon").months, 1);
  for (const char* text : {"6h", "90min", "1d", "1mon", "45s", "12mon"})
    EXPECT_EQ(LeadTime::parse(text).text(), text);
  EXPECT_EQ(LeadTime::parse("24h").text(), "1d");
  EXPECT_DOUBLE_EQ(LeadTime::parse("90min").hours(), 1.5);
  EXPECT_DOUBLE_EQ(LeadTime::parse("2mon").hours(), 1461.0);
  for (const char* text : {"", "h", "6", "0h", "-6h", "1.5h", "6 parsecs", "99999999999999999999h",
                           "999999999weeks", "12001mon"}) {
    EXPECT_ERROR(LeadTime::parse(text), Exit::usage, "6h");
  }
}

TEST(LeadTime, MonthsKeepTheDayWhereTheyCan) {
  const auto after = [](const char* time, const LeadTime& lead, Calendar calendar) {
    return format_time(lead.after(parse_time(time, calendar), calendar), calendar);
  };
  EXPECT_EQ(after("2014-01-31T06", {0, 1}, Calendar::standard), "2014-02-28T06:00:00");
  EXPECT_EQ(after("2012-01-31", {0, 1}, Calendar::standard), "2012-02-29T00:00:00");
  EXPECT_EQ(after("2012-01-31", {0, 1}, Calendar::noleap), "2012-02-28T00:00:00");
  EXPECT_EQ(after("2012-01-30", {0, 1}, Calendar::day360), "2012-02-30T00:00:00");
  EXPECT_EQ(after("2014-12-16T12", {0, 14}, Calendar::standard), "2016-02-16T12:00:00");
  EXPECT_EQ(after("1582-09-10", {0, 1}, Calendar::standard), "1582-10-15T00:00:00");
  EXPECT_EQ(after("2014-12-31T18", LeadTime::parse("6h").times(2), Calendar::standard),
            "2015-01-01T06:00:00");
}

}  // namespace
}  // namespace seqvit::data
