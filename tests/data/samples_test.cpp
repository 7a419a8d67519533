#include "data/samples.h"

#include <set>

#include <gtest/gtest.h>

#include "data/times.h"
#include "support/errors.h"

namespace seqvit::data {
namespace {

TEST(MakeSamples, ExactlyTheLeadApart) {
  const auto times = every(6, 10);
  const std::vector<Sample> samples = make_samples(times, Calendar::standard, {2, 8}, {24 * 3600, 0});
  EXPECT_EQ(samples, (std::vector<Sample>{{2, 6}, {3, 7}}));
  EXPECT_TRUE(make_samples(times, Calendar::standard, {0, 10}, {5 * 3600, 0}).empty());
}

TEST(MakeSamples, NoPairAcrossAGap) {
  auto times = every(6, 10);
  times.erase(times.begin() + 4, times.begin() + 6);
  const auto samples = make_samples(times, Calendar::standard, {0, 8}, {6 * 3600, 0});
  EXPECT_EQ(samples, (std::vector<Sample>{{0, 1}, {1, 2}, {2, 3}, {4, 5}, {5, 6}, {6, 7}}));
  for (const Sample& sample : make_samples(times, Calendar::standard, {0, 8}, {18 * 3600, 0})) {
    EXPECT_EQ(times[sample.target] - times[sample.input], 18 * 3600);
  }
}

TEST(MakeSamples, MonthlyFieldsByTheirMonth) {
  // Middles of months, which are not a calendar month apart to the hour; April is missing.
  std::vector<TimeStamp> times;
  for (const DateTime& date : std::initializer_list<DateTime>{
           {2001, 1, 16, 12}, {2001, 2, 15}, {2001, 3, 16, 12}, {2001, 5, 16, 12}, {2001, 6, 16}}) {
    times.push_back(to_time_stamp(date, Calendar::noleap));
  }
  EXPECT_EQ(make_samples(times, Calendar::noleap, {0, 5}, {0, 1}),
            (std::vector<Sample>{{0, 1}, {1, 2}, {3, 4}}));
  EXPECT_EQ(make_samples(times, Calendar::noleap, {0, 5}, {0, 3}), (std::vector<Sample>{{1, 3}, {2, 4}}));
  EXPECT_EQ(make_samples(times, Calendar::noleap, {1, 3}, {0, 1}), (std::vector<Sample>{{1, 2}}));
}

TEST(MakeSamples, DailyFieldsAMonthApart) {
  const auto times = every(24, 60);
  const auto samples = make_samples(times, Calendar::standard, {0, 60}, {0, 1});
  ASSERT_EQ(samples.size(),
            31U + 1U);  // every day of January, clipped to the 28th of February, and February 1
  EXPECT_EQ(samples[30], (Sample{30, 58}));
  EXPECT_EQ(samples[28], (Sample{28, 58}));
  EXPECT_EQ(samples[31], (Sample{31, 59}));
}

TEST(TrainingSamples, FollowEveryLeadForSoManySteps) {
  std::vector<TimeStamp> times;
  for (const int64_t hour : {0, 6, 12, 18, 24, 36, 42})  // nothing at 30
    times.push_back(hour * 3600);
  const std::vector<LeadTime> leads = {{6 * 3600, 0}, {12 * 3600, 0}};
  const auto found = [&](Range period, int64_t steps) {
    return make_training_samples(times, Calendar::standard, period, leads, steps);
  };
  EXPECT_EQ(found({0, 7}, 3),
            (std::vector<TrainingSample>{{0, {1, 2, 3}, 0}, {1, {2, 3, 4}, 0}, {0, {2, 4, 5}, 1}}));
  EXPECT_EQ(found({0, 4}, 2), (std::vector<TrainingSample>{{0, {1, 2}, 0}, {1, {2, 3}, 0}}));
  EXPECT_EQ(found({0, 7}, 1).size(), 5U + 4U);
}

TEST(ShuffledSample, EveryEpochHasEverySampleOnce) {
  for (const int64_t count : {1, 2, 7, 64, 1000}) {
    std::vector<int64_t> first, second;
    for (int64_t i = 0; i < count; ++i)
      first.push_back(shuffled_sample(3, i, count));
    for (int64_t i = count; i < 2 * count; ++i)
      second.push_back(shuffled_sample(3, i, count));
    EXPECT_EQ(std::set<int64_t>(first.begin(), first.end()).size(), static_cast<size_t>(count));
    EXPECT_EQ(*std::max_element(first.begin(), first.end()), count - 1);
    EXPECT_EQ(std::set<int64_t>(second.begin(), second.end()).size(), static_cast<size_t>(count));
    if (count >= 64) {
      EXPECT_NE(first, second);
      EXPECT_NE(first[0] + 1, first[1]);
      EXPECT_NE(shuffled_sample(4, 0, count) * 1000 + shuffled_sample(4, 1, count),
                first[0] * 1000 + first[1]);
    }
  }
}

TEST(TrainingSamples, KnowTheTimesBeforeTheirInput) {
  std::vector<TimeStamp> times;
  for (const int64_t hour : {0, 6, 12, 18, 30, 36, 42})  // 24 is not there
    times.push_back(hour * 3600);
  const auto samples = make_training_samples(times, Calendar::standard, {0, 7}, {{6 * 3600, 0}}, 1, 3);
  ASSERT_EQ(samples.size(), 1U) << "12 h; of 36 h only one time before is there";
  EXPECT_EQ(samples[0].input, 2);
  EXPECT_EQ(samples[0].earlier, (std::vector<int64_t>{1, 0}));
  EXPECT_EQ(make_training_samples(times, Calendar::standard, {0, 7}, {{6 * 3600, 0}}, 1, 2).size(), 3U);
}

}  // namespace
}  // namespace seqvit::data
