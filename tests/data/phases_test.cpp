#include "data/phases.h"

#include <cmath>

#include <gtest/gtest.h>

namespace seqvit::data {
namespace {

TEST(Phases, FollowDayAndYearInEveryCalendar) {
  for (const Calendar calendar : {Calendar::standard, Calendar::noleap, Calendar::day360}) {
    const auto at = [&](const DateTime& date) {
      return calendar_phases(to_time_stamp(date, calendar), calendar);
    };
    const auto start = at({.year = 2001});
    EXPECT_NEAR(start[0], 0.0, 1e-12);
    EXPECT_NEAR(start[1], 1.0, 1e-12);
    EXPECT_NEAR(start[2], 0.0, 1e-12);
    EXPECT_NEAR(start[3], 1.0, 1e-12);
    EXPECT_NEAR(at({.year = 2001, .hour = 6})[0], 1.0, 1e-12);
    EXPECT_NEAR(at({.year = 2001, .month = 7})[3], -1.0, 1e-3);  // the middle of the year
    EXPECT_GT(at({.year = 2001, .month = 4})[2], 0.99);          // a quarter of it
    EXPECT_NEAR(at({.year = 2001, .month = 12, .day = 30, .hour = 23})[2], 0.0, 0.04);
  }
}

TEST(Phases, TheSunGoesRoundWithRolledFields) {
  const TimeStamp noon = to_time_stamp({.year = 2001, .month = 5, .day = 3, .hour = 12}, Calendar::standard);
  EXPECT_EQ(rolled_time(noon, 90.0), noon - 6 * 3600);  // noon at 90 degrees east is 6 UTC
  EXPECT_EQ(rolled_time(noon, 0.0), noon);
  EXPECT_EQ(rolled_time(noon, 3.75), noon - 900);
}

}  // namespace
}  // namespace seqvit::data
