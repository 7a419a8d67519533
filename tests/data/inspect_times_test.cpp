#include "data/inspect_times.h"

#include <gtest/gtest.h>

namespace seqvit::data {
namespace {

TEST(FindStep, OfMonthsAndHours) {
  std::vector<TimeStamp> months, drifting;
  for (int64_t month = 0; month < 40; ++month) {
    months.push_back(
        LeadTime{0, month}.after(to_time_stamp({2000, 1, 16, 12}, Calendar::standard), Calendar::standard));
    drifting.push_back(to_time_stamp({1982, 1, 16, 20}, Calendar::standard) + month * 2629746);
  }
  EXPECT_EQ(find_step(months, Calendar::standard), "1mon");
  EXPECT_EQ(find_step(drifting, Calendar::standard), "1mon");
  std::vector<TimeStamp> fifths;  // of a year of 365 days: no month has two
  for (int64_t i = 0; i < 30; ++i)
    fifths.push_back(to_time_stamp({2001}, Calendar::noleap) + i * 73 * 86400);
  EXPECT_EQ(find_step(fifths, Calendar::noleap), "73d");
  EXPECT_EQ(find_step({0, 86400, 172800}, Calendar::standard), "1d");
  EXPECT_EQ(find_step({0}, Calendar::standard), "");
  EXPECT_EQ(find_step({0, 3600, 3660, 9000}, Calendar::standard), "irregular");
}

}  // namespace
}  // namespace seqvit::data
