#include "evaluate/evaluate.h"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <map>
#include <numeric>
#include <tuple>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/stop.h"
#include "evaluate/synthetic.h"
#include "grid/cell_weights.h"

namespace seqvit::evaluate {
namespace {

using namespace testing;

using Key = std::tuple<std::string, double, std::string, std::string>;  // variable, lead, region, metric

std::map<Key, Score> by_key(const EvaluationResult& result) {
  std::map<Key, Score> map;
  for (const Score& score : result.scores)
    map[{score.variable, score.lead_hours, score.region, score.metric}] = score;
  return map;
}

// A law that a forecaster can know: x(t + 1) = 3 x(t) + 1 modulo 64, in whole numbers.
float law(float x) {
  return std::fmod(3.0f * x + 1.0f, 64.0f);
}

void follow_law(std::span<float> state) {
  for (float& x : state)
    x = law(x);
}

struct Lawful {
  TemporaryDirectory directory;
  std::unique_ptr<data::Dataset> dataset;
  data::LeadTime lead = data::LeadTime::parse("6h");

  /// Times `first` to `first` + `count` of one world.
  explicit Lawful(int64_t count = 1600, bool with_holes = false, int64_t first = 0) {
    Synthetic source;
    source.variables = {"a", "b"};
    source.latitude = {60, 30, 10, 0, -10, -45, -75};
    source.times = Synthetic::steps(count, 6.0);
    for (double& hours : source.times)
      hours += 6.0 * static_cast<double>(first);
    source.value = [with_holes, first](int64_t v, int64_t t, int64_t y, int64_t x) {
      t += first;
      if (with_holes && ((y == 1 && x == 2) || (t * 31 + y * 7 + x * 3 + v) % 11 == 0)) return std::nan("");
      auto value = static_cast<float>((5 * v + 11 * y + 17 * x) % 64);
      for (int64_t i = 0; i < t % 64; ++i)
        value = law(value);
      return static_cast<double>(value);
    };
    write_synthetic(directory / "law.nc", source);
    dataset = std::make_unique<data::Dataset>(data::DatasetOptions{{directory / "law.nc"}, {"a", "b"}});
  }

  EvaluateOptions options(Range period) const {
    return {period,
            {data::LeadTime::parse("6h"), data::LeadTime::parse("12h"), data::LeadTime::parse("48h")}};
  }
};

TEST(Evaluate, PerfectForecast) {
  const Lawful data;
  FunctionForecaster forecaster(*data.dataset, follow_law);
  const auto scores =
      evaluate(*data.dataset, {0, 1464}, data.lead, forecaster, data.options({1500, 1540})).scores;
  EXPECT_EQ(scores.size(), 2u * 3 * 4 * 7) << "variables, leads, regions, metrics";
  for (const Score& s : scores) {
    const bool perfect_is_one = s.metric == "acc" || s.metric.starts_with("skill");
    EXPECT_NEAR(s.value, perfect_is_one ? 1.0 : 0.0, 1e-12)
        << s.metric << " " << s.lead_hours << " " << s.region;
    EXPECT_EQ(s.units, "K");
    EXPECT_EQ(s.initial_times, 40 - s.lead_hours / 6) << "initial and valid time lie in the period";
  }
  EXPECT_EQ(forecaster.calls.size(), 4U * 8 + 2)
      << "each batch once for all leads, the last only as far as the period goes";
}

TEST(Evaluate, ClimatologyIsOfTheTrainingDataWhateverFilesAreScored) {
  const Lawful whole(1600), later(100, false, 1500);
  const auto half = [](std::span<float> state) {
    for (float& x : state)
      x = 0.5f * x;
  };
  FunctionForecaster one(*whole.dataset, half), other(*later.dataset, half);
  const auto expected =
      by_key(evaluate(*whole.dataset, {0, 1464}, whole.lead, one, whole.options({1500, 1540})));
  EvaluateOptions options = later.options({0, 40});
  options.climatology_data = whole.dataset.get();
  const auto found = by_key(evaluate(*later.dataset, {0, 1464}, later.lead, other, options));
  ASSERT_EQ(found.size(), expected.size());
  for (const auto& [key, score] : expected) {
    const auto same = [](double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); };
    EXPECT_TRUE(same(found.at(key).value, score.value)) << score.metric;
    EXPECT_TRUE(same(found.at(key).climatology, score.climatology)) << score.metric;
  }
}

TEST(Evaluate, AFewWeeksAreNoClimatology) {
  const Lawful data(400);
  FunctionForecaster forecaster(*data.dataset, follow_law);
  const auto skill = [&](int64_t times) {
    return by_key(evaluate(*data.dataset, {0, times}, data.lead, forecaster, data.options({80, 110})))
        .at({"a", 6.0, "global", "skill_climatology"})
        .value;
  };
  EXPECT_TRUE(std::isnan(skill(116)));
  EXPECT_NEAR(skill(124), 1.0, 1e-12);
}

TEST(Evaluate, ConstantBias) {
  const Lawful data(200);
  // Follows the law in step 1 and is 2 too high; in step 2 the law turns that into 6 + 2.
  FunctionForecaster forecaster(*data.dataset, [](std::span<float> state) {
    for (float& x : state)
      x = law(x) + 2.0f;
  });
  EvaluateOptions options{{0, 33}, {data.lead}, 1, 5, {1}};
  const auto scores = by_key(evaluate(*data.dataset, {0, 100}, data.lead, forecaster, options));
  for (const char* metric : {"rmse", "rmse_per_step", "mae", "bias"}) {
    const Score& s = scores.at({"b", 6.0, "global", metric});
    EXPECT_NEAR(s.value, 2.0, 1e-12) << metric;
    EXPECT_NEAR(s.low, 2.0, 1e-9);
    EXPECT_NEAR(s.high, 2.0, 1e-9);
  }
  EXPECT_EQ(scores.count({"a", 6.0, "global", "rmse"}), 0u) << "only b was asked for";
}

TEST(Evaluate, StrideTakesEveryNthInitialTime) {
  const Lawful data(200);
  FunctionForecaster forecaster(*data.dataset, follow_law);
  EvaluateOptions options = data.options({0, 41});
  options.stride = 4;
  const auto scores = by_key(evaluate(*data.dataset, {0, 100}, data.lead, forecaster, options));
  EXPECT_EQ(scores.at({"a", 6.0, "global", "rmse"}).initial_times, 10);
  EXPECT_EQ(scores.at({"a", 48.0, "global", "rmse"}).initial_times, 9);
}

void expect_same_bits(const std::vector<Spectrum>& found, const std::vector<Spectrum>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].variable, expected[i].variable);
    EXPECT_EQ(found[i].lead_hours, expected[i].lead_hours);
    EXPECT_EQ(found[i].rows, expected[i].rows);
    EXPECT_GT(found[i].rows, 0);
    EXPECT_EQ(found[i].truth, expected[i].truth);
    EXPECT_EQ(found[i].forecast, expected[i].forecast);
  }
}

/// By the number of members.
class EvaluateOnRanks : public ::testing::TestWithParam<int64_t> {
 protected:
  static Ensemble ensemble() { return {GetParam(), GetParam() > 1 ? 0.3 : 0.0, {2.0, 1.0}, 5}; }
};
INSTANTIATE_TEST_SUITE_P(Members, EvaluateOnRanks, ::testing::Values(1, 4));

// The scores must not depend on how many ranks hold the grid, nor on where it is cut, to the last bit.
TEST_P(EvaluateOnRanks, GivesTheScoresOfOne) {
  const Lawful data(300, true);
  const auto wrong_law = [](std::span<float> state) {
    for (float& x : state)
      x = 0.9f * law(x) + 1.3f;
  };
  FunctionForecaster one(*data.dataset, wrong_law);
  EvaluateOptions options = data.options({200, 260});
  options.ensemble = ensemble();
  const EvaluationResult of_one = evaluate(*data.dataset, {0, 200}, data.lead, one, options);
  const auto expected = by_key(of_one);
  EXPECT_EQ(of_one.rank_histograms.size(), GetParam() > 1 ? 6U : 0U);
  EXPECT_EQ(expected.size(), 2u * 3 * 4 * (GetParam() > 1 ? 10 : 7));
  const std::vector<Range> slabs = {{0, 2}, {2, 3}, {3, 7}};
  Meeting meeting(3);
  run_ranks(3, [&](int rank) {
    SlabForecaster forecaster(*data.dataset, wrong_law, meeting, rank, slabs[rank]);
    const EvaluationResult result = evaluate(*data.dataset, {0, 200}, data.lead, forecaster, options);
    const auto scores = by_key(result);
    expect_same_bits(result.spectra, of_one.spectra);
    for (size_t i = 0; i < of_one.rank_histograms.size(); ++i)
      EXPECT_EQ(result.rank_histograms[i].frequency, of_one.rank_histograms[i].frequency);
    ASSERT_EQ(scores.size(), expected.size());
    for (const auto& [key, score] : scores) {
      const Score& other = expected.at(key);
      for (auto field :
           {&Score::value, &Score::persistence, &Score::climatology, &Score::low, &Score::high}) {
        EXPECT_TRUE(score.*field == other.*field || (std::isnan(score.*field) && std::isnan(other.*field)))
            << std::get<3>(key) << ": " << score.*field << " and " << other.*field;
      }
    }
  });
}

TEST_P(EvaluateOnRanks, RowsCutBetweenRanksCountOnce) {
  const Lawful data(300, true);
  const auto wrong_law = [](std::span<float> state) {
    for (float& x : state)
      x = 0.5f * x;
  };
  FunctionForecaster one(*data.dataset, wrong_law);
  EvaluateOptions options = data.options({200, 240});
  options.ensemble = ensemble();
  const auto expected = by_key(evaluate(*data.dataset, {0, 200}, data.lead, one, options));
  // Rank 0 holds rows 0-3 but of row 3 only its first column (for b: the first three); rank 1 holds rows 3-6.
  std::vector<float> upper(2 * 4 * 4, 1.0f), lower(2 * 4 * 4, 1.0f);
  for (int v = 0; v < 2; ++v) {
    for (int x = 0; x < 4; ++x) {
      const bool mine = x < (v == 0 ? 1 : 3);
      upper[v * 16 + 12 + x] = mine ? 1.0f : 0.0f;
      lower[v * 16 + x] = mine ? 0.0f : 1.0f;
    }
  }
  Meeting meeting(2);
  run_ranks(2, [&](int rank) {
    SlabForecaster forecaster(*data.dataset, wrong_law, meeting, rank, rank == 0 ? Range{0, 4} : Range{3, 7},
                              rank == 0 ? upper : lower);
    for (const auto& [key, score] :
         by_key(evaluate(*data.dataset, {0, 200}, data.lead, forecaster, options))) {
      const double value = expected.at(key).value;
      if (std::isnan(value)) {
        EXPECT_TRUE(std::isnan(score.value));
      } else {
        EXPECT_NEAR(score.value, value, 1e-12 * std::abs(value)) << std::get<3>(key);
      }
    }
  });
}

// Row 5 (45 S) lies on three ranks and those above it on two, of which one owns nothing there; each computes
// nonsense where another owns the point.
TEST(Evaluate, SpectraOfRowsCutBetweenRanksHaveTheBitsOfOne) {
  const Lawful data(300, true);
  const auto wrong_law = [](float x) { return 0.9f * law(x) + 1.3f; };
  FunctionForecaster one(*data.dataset, [&](std::span<float> state) {
    std::transform(state.begin(), state.end(), state.begin(), wrong_law);
  });
  const EvaluateOptions options = data.options({200, 260});
  const EvaluationResult of_one = evaluate(*data.dataset, {0, 200}, data.lead, one, options);
  const std::vector<Range> slabs = {{0, 6}, {0, 6}, {5, 7}};
  const std::vector<Range> columns_of_row_5 = {{0, 1}, {1, 3}, {3, 4}};
  Meeting meeting(3);
  run_ranks(3, [&](int rank) {
    const int64_t points = slabs[rank].size() * 4;
    std::vector<float> owned(2 * points, 1.0f);
    for (int64_t i = 0; i < 2 * points; ++i) {
      const int64_t row = slabs[rank].begin + i % points / 4;
      const bool mine = row == 5 ? columns_of_row_5[rank].contains(i % 4) : rank != 1;
      owned[i] = mine ? 1.0f : 0.0f;
    }
    const auto on_mine = [&, owned](std::span<float> state) {
      for (size_t i = 0; i < state.size(); ++i)
        state[i] = owned[i] == 0.0f ? 1e9f : wrong_law(state[i]);
    };
    SlabForecaster forecaster(*data.dataset, on_mine, meeting, rank, slabs[rank], owned);
    expect_same_bits(evaluate(*data.dataset, {0, 200}, data.lead, forecaster, options).spectra,
                     of_one.spectra);
  });
}

// Errors on values that are missing somewhere, summed here once more in the simplest way.
TEST(Evaluate, MissingValuesAgainstAPlainSum) {
  const Lawful data(300, true);
  FunctionForecaster forecaster(*data.dataset, [](std::span<float> state) {
    for (float& x : state)
      x = 0.7f * x;
  });
  EvaluateOptions options{{200, 230}, {data::LeadTime::parse("12h")}};
  const auto scores = by_key(evaluate(*data.dataset, {0, 200}, data.lead, forecaster, options));
  const Range rows{0, 7};
  const grid::CellWeights weights_of(data.dataset->grid());
  const std::vector<double>& weights = weights_of.values();
  std::vector<float> initial(28), truth(28);
  double sum = 0, steps = 0;
  for (int64_t t = 200; t + 2 < 230; ++t) {
    data.dataset->read(0, t, rows, initial);
    data.dataset->read(0, t + 2, rows, truth);
    double weight = 0, squares = 0;
    for (int i = 0; i < 28; ++i) {
      if (std::isnan(initial[i]) || std::isnan(truth[i])) continue;
      const float forecast = 0.7f * (0.7f * initial[i]);
      const double error = static_cast<double>(forecast) - truth[i];
      weight += weights[i / 4];
      squares += weights[i / 4] * error * error;
    }
    sum += squares / weight;
    steps += 1;
  }
  EXPECT_NEAR(scores.at({"a", 12.0, "global", "rmse"}).value, std::sqrt(sum / steps), 1e-9);
}

TEST(Evaluate, RefusesLeadsItCannotReach) {
  const Lawful data(100);
  FunctionForecaster forecaster(*data.dataset, follow_law);
  const auto run = [&](const char* lead, Range period) {
    try {
      evaluate(*data.dataset, {0, 50}, data.lead, forecaster, {period, {data::LeadTime::parse(lead)}});
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Exit::usage);
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_NE(run("9h", {0, 50}).find("not a multiple of data.lead_time 6h"), std::string::npos);
  EXPECT_NE(run("1mon", {0, 50}).find("not a multiple"), std::string::npos);
  EXPECT_NE(run("48h", {0, 5}).find("longer period"), std::string::npos);
  EXPECT_EQ(run("12h", {0, 5}), "");
}

TEST(Evaluate, MonthlyDataAreScoredByMonth) {
  TemporaryDirectory directory;
  Synthetic source;
  source.time_units = "days since 2001-01-01";
  for (int64_t i = 0, day = 0; i < 48; ++i) {
    source.times.push_back(static_cast<double>(day));
    static const int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    day += kDays[i % 12] + (i == 37 ? 1 : 0);  // February 2004
  }
  source.value = [](int64_t, int64_t t, int64_t, int64_t) {
    return static_cast<double>(t % 12 + (t >= 36 ? 1 : 0));
  };
  write_synthetic(directory / "months.nc", source);
  const data::Dataset dataset({{directory / "months.nc"}});
  FunctionForecaster persistence(dataset, [](std::span<float>) {});
  const auto scores =
      by_key(evaluate(dataset, {0, 36}, data::LeadTime::parse("1mon"), persistence,
                      {{36, 48}, {data::LeadTime::parse("1mon"), data::LeadTime::parse("3mon")}}));
  EXPECT_NEAR(scores.at({"a", 730.5, "global", "bias"}).value, -1.0, 1e-9);
  EXPECT_NEAR(scores.at({"a", 3 * 730.5, "global", "bias"}).value, -3.0, 1e-9);
  EXPECT_NEAR(scores.at({"a", 730.5, "global", "bias"}).climatology, -1.0, 1e-9);
  EXPECT_EQ(scores.at({"a", 3 * 730.5, "global", "bias"}).initial_times, 9);
}

// The README of the data gives these for its test part, which begins on 3 July 2014 (index 2192).
TEST(Evaluate, ReferenceFiguresOfRealTemperature) {
  const std::string path = real_data("ncep_air_na_6h_2013_2014.nc");
  if (path.empty()) GTEST_SKIP() << "ncep_air_na_6h_2013_2014.nc is not there";
  const data::Dataset dataset({{path}});
  FunctionForecaster persistence(dataset, [](std::span<float>) {});
  const EvaluateOptions options{
      {2192, 2920},
      {data::LeadTime::parse("6h"), data::LeadTime::parse("1d"), data::LeadTime::parse("5d")},
      1,
      32};
  const auto scores = by_key(evaluate(dataset, {0, 1460}, data::LeadTime::parse("6h"), persistence, options));
  for (const auto& [lead, rmse] : std::map<double, double>{{6, 2.17}, {24, 2.60}, {120, 4.01}}) {
    const Score& s = scores.at({"air", lead, "global", "rmse_per_step"});
    EXPECT_NEAR(s.value, rmse, 0.005);
    EXPECT_EQ(s.value, s.persistence);
    EXPECT_LT(s.low, s.value);
    EXPECT_GT(s.high, s.value);
    EXPECT_EQ(scores.at({"air", lead, "global", "skill_persistence"}).value, 0.0);
  }
  EXPECT_NEAR(scores.at({"air", 6.0, "global", "rmse_per_step"}).climatology, 3.41, 0.005);
}

TEST(Evaluate, ReferenceFiguresOfASimulatedAtmosphere) {
  const std::string path = real_data("speedy_t30_global_6h_1y.nc");
  if (path.empty()) GTEST_SKIP() << "speedy_t30_global_6h_1y.nc is not there";
  const data::Dataset dataset({{path}, {"t_s950"}});
  FunctionForecaster persistence(dataset, [](std::span<float>) {});
  const EvaluateOptions options{
      {1168, 1460},
      {data::LeadTime::parse("6h"), data::LeadTime::parse("1d"), data::LeadTime::parse("5d")},
      1,
      32};
  const auto scores = by_key(evaluate(dataset, {0, 1022}, data::LeadTime::parse("6h"), persistence, options));
  for (const auto& [lead, rmse] : std::map<double, double>{{6, 0.31}, {24, 1.14}, {120, 2.05}}) {
    EXPECT_NEAR(scores.at({"t_s950", lead, "global", "rmse_per_step"}).value, rmse, 0.005);
    EXPECT_TRUE(std::isnan(scores.at({"t_s950", lead, "global", "rmse"}).climatology))
        << "training ends in September: climatology of most of the period does not exist";
  }
}

TEST(Evaluate, StopsWhenAskedTo) {
  const Lawful data(100);
  FunctionForecaster forecaster(*data.dataset, [](std::span<float>) { std::raise(SIGTERM); });
  install_stop_handlers();
  try {
    evaluate(*data.dataset, {0, 50}, data.lead, forecaster, data.options({50, 100}));
    FAIL() << "went on";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Exit::success);
  }
  clear_stop_request();
  EXPECT_EQ(forecaster.calls.size(), 1U);
}

}  // namespace
}  // namespace seqvit::evaluate
