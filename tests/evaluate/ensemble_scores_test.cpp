#include "evaluate/ensemble_scores.h"

#include <cmath>

#include <gtest/gtest.h>

#include "core/random.h"
#include "evaluate/reference_ensemble.h"
#include "evaluate/synthetic.h"

namespace seqvit::evaluate {
namespace {

using namespace testing;

const grid::Grid kGrid{{30, 0, -30}, {0, 120, 240}};

EnsembleField field_of(std::vector<std::vector<float>> members, std::span<const float> truth) {
  EnsembleField field{.truth = truth, .initial = truth};
  field.members[kModelEnsemble] = std::move(members);
  return field;
}

TEST(EnsembleSums, TwoMembersByHand) {
  const EnsembleSums sums(kGrid, {{"global"}}, 2);
  std::vector<float> truth(9, 1.0F), low(9, 0.0F), high(9, 4.0F);
  truth[4] = NAN;
  low[5] = 1.0F;  // equals the truth
  high[6] = NAN;  // a member is missing: the point does not count
  std::vector<double> all(sums.size(), 0.0);
  sums.add(field_of({low, high}, truth), {0, 3}, all);
  const std::vector<double> total = sums.total(all, 0);
  const double row = total[kEnsembleWeight], equal = 2.0 * total[kEnsembleKinds * kEnsembleSums];
  // (1 + 3) / 2 - 4 / 2; with the equal one (0 + 3) / 2 - 3 / 2.
  EXPECT_NEAR(total[kCrps], 0.0, 1e-12);
  // Variance 8 x 3/2, square (2 - 1)^2; where a member equals the truth 4.5 x 3/2 and 1.5^2.
  EXPECT_NEAR(total[kVariance], 12.0 * (row - equal) + 6.75 * equal, 1e-12);
  EXPECT_NEAR(total[kMeanSquare], row - equal + 2.25 * equal, 1e-12);
  const double* ranks = total.data() + kEnsembleKinds * kEnsembleSums;
  EXPECT_NEAR(ranks[0] + ranks[1] + ranks[2], row, 1e-12);
  EXPECT_GT(ranks[0], 0.0) << "only the equal member can put the truth lowest";
  EXPECT_EQ(ranks[2], 0.0);
}

TEST(EnsembleSums, PartsOfRanksAddUp) {
  const EnsembleSums sums(kGrid, {{"global"}, {"north", 20, 90}}, 3);
  std::vector<std::vector<float>> members(3, std::vector<float>(9));
  std::vector<float> truth(9);
  for (int64_t i = 0; i < 9; ++i) {
    truth[i] = static_cast<float>(normal(1, i));
    for (int64_t m = 0; m < 3; ++m)
      members[m][i] = static_cast<float>(normal(2 + m, i));
  }
  std::vector<double> whole(sums.size(), 0.0), parts(sums.size(), 0.0);
  EnsembleField field = field_of(members, truth);
  field.members[kClimatologyEnsemble] = {members[1], members[2]};
  sums.add(field, {0, 3}, whole);
  // The middle row is cut after its first point.
  const std::vector<float> upper = {1, 1, 1, 1, 0, 0}, lower = {0, 1, 1, 1, 1, 1};
  for (const bool first : {true, false}) {
    const size_t from = first ? 0 : 3;
    const auto rows = [&](const std::vector<float>& all) {
      return std::vector<float>(all.begin() + from, all.begin() + from + 6);
    };
    EnsembleField part{.truth = std::span<const float>(truth).subspan(from, 6),
                       .initial = std::span<const float>(truth).subspan(from, 6),
                       .owned = first ? upper : lower};
    for (const auto& member : members)
      part.members[kModelEnsemble].push_back(rows(member));
    part.members[kClimatologyEnsemble] = {rows(members[1]), rows(members[2])};
    sums.add(part, first ? Range{0, 2} : Range{1, 3}, parts);
  }
  for (size_t i = 0; i < whole.size(); ++i)
    EXPECT_NEAR(parts[i], whole[i], 1e-12) << i;
}

/// Members and truth drawn from one law: spread equals error, all ranks are alike, and CRPS does not know how
/// many members there are.
TEST(EnsembleScores, AReliableEnsembleIsFoundToBeOne) {
  constexpr int64_t kTimes = 2000;
  double crps_of_two = 0;
  for (const int64_t count : {2, 5}) {
    const EnsembleSums sums(kGrid, {{"global"}}, count);
    std::vector<std::vector<double>> steps;
    for (int64_t t = 0; t < kTimes; ++t) {
      std::vector<std::vector<float>> members(count, std::vector<float>(9));
      std::vector<float> truth(9);
      for (int64_t i = 0; i < 9; ++i) {
        const double known = 3.0 * normal(1, t * 9 + i);
        truth[i] = static_cast<float>(known + normal(2, t * 9 + i));
        for (int64_t m = 0; m < count; ++m)
          members[m][i] = static_cast<float>(known + normal(3 + m, t * 9 + i));
      }
      std::vector<double> all(sums.size(), 0.0);
      sums.add(field_of(members, truth), {0, 3}, all);
      steps.push_back(sums.total(all, 0));
    }
    const Score label{.variable = "a", .lead_hours = 6, .region = "global"};
    const auto scores =
        compute_ensemble_scores(label, steps, Bootstrap(kTimes, Bootstrap::block_length(kTimes, 6.0), 0));
    ASSERT_EQ(scores.size(), 3U);
    EXPECT_EQ(scores[0].metric, "crps");
    EXPECT_NEAR(scores[0].value, 1.0 / std::sqrt(M_PI), 0.01) << "of a standard normal law";
    EXPECT_LT(scores[0].low, scores[0].value);
    EXPECT_GT(scores[0].high, scores[0].value);
    EXPECT_EQ(scores[0].at_times.size(), static_cast<size_t>(kTimes));
    EXPECT_EQ(scores[2].metric, "spread_skill");
    EXPECT_NEAR(scores[2].value, 1.0, 0.03);
    EXPECT_TRUE(std::isnan(scores[2].persistence)) << "there is none";
    const RankHistogram histogram = compute_rank_histogram(label, steps);
    ASSERT_EQ(histogram.members, count);
    for (const double frequency : histogram.frequency)
      EXPECT_NEAR(frequency * static_cast<double>(count + 1), 1.0, 0.05);
    EXPECT_NEAR(histogram.outliers(), 1.0, 0.05);
    if (count == 2) crps_of_two = scores[0].value;
    EXPECT_NEAR(scores[0].value, crps_of_two, 0.01);
  }
}

class References : public ::testing::Test {
 protected:
  References() {
    Synthetic source;
    source.times = Synthetic::steps(4 * 365 * 2, 6.0);  // 2000 and most of 2001
    source.value = [](int64_t, int64_t t, int64_t, int64_t x) { return static_cast<double>(t + 1000 * x); };
    write_synthetic(directory_ / "source.nc", source);
    dataset_ = std::make_unique<data::Dataset>(data::DatasetOptions{{directory_ / "source.nc"}, {"a"}});
  }
  TemporaryDirectory directory_;
  std::unique_ptr<data::Dataset> dataset_;
};

TEST_F(References, AreOfTheSeasonAndTimeOfDay) {
  const SeasonalPairs pairs(*dataset_, {0, 4 * 366}, data::LeadTime::parse("12h"), false);
  // 2001-01-03T06: from 2000-01-01 to 18 and from 19 December on.
  const data::TimeStamp time = dataset_->times()[4 * 368 + 1];
  const auto all = pairs.at(time, 1000);
  EXPECT_EQ(all.size(), 31U - 1) << "but the first day, which 12 h before does not have";
  for (const TimePair& pair : all) {
    EXPECT_EQ(pair.valid - pair.origin, 2);
    EXPECT_EQ(pair.valid % 4, 1);
    EXPECT_TRUE(pair.valid < 4 * 18 || pair.valid > 4 * 353) << pair.valid;
  }
  EXPECT_EQ(pairs.at(time, 1000, 10 * 86400).size(), 30U - 7);
  const auto few = pairs.at(time, 4);
  ASSERT_EQ(few.size(), 4U);
  EXPECT_LT(few[0].valid, few[1].valid);
  EXPECT_GT(few[3].valid, 4 * 353);
}

TEST_F(References, PersistenceTakesTheChangesOfTheSeason) {
  const std::vector<data::TimeStamp> times = {dataset_->times()[4 * 380]};
  const ReferenceEnsemble training(*dataset_, {0, 4 * 366}, *dataset_, data::LeadTime::parse("12h"), times,
                                   6);
  EXPECT_FALSE(training.in_sample());
  const std::vector<float> initial(16, 5.0F);
  const auto members = training.members(0, times[0], {0, 4}, initial);
  ASSERT_EQ(members.persistence.size(), 6U);
  for (size_t m = 0; m < 6; ++m) {
    EXPECT_EQ(members.persistence[m][3], 7.0F) << "12 h change by 2";
    EXPECT_GE(members.climatology[m][3], 3000.0F);
  }
  const ReferenceEnsemble summer(*dataset_, {4 * 100, 4 * 300}, *dataset_, data::LeadTime::parse("12h"),
                                 times, 6);
  EXPECT_TRUE(summer.in_sample()) << "training has no January";
  for (const auto& state : summer.members(0, times[0], {0, 4}, initial).climatology)
    EXPECT_GE(std::abs(state[0] - 4 * 380), 4 * 5) << "5 days away";
  const ReferenceEnsemble many(*dataset_, {0, 4 * 366}, *dataset_, data::LeadTime::parse("12h"), times, 500);
  EXPECT_LT(many.members(0, times[0], {0, 4}, initial).climatology.size(), 500U);
}

}  // namespace
}  // namespace seqvit::evaluate
