#include "evaluate/forecast.h"

#include <cmath>

#include <gtest/gtest.h>

#include "core/error.h"
#include "data/netcdf.h"
#include "evaluate/synthetic.h"
#include "support/errors.h"

namespace seqvit::evaluate {
namespace {

using namespace testing;

void halve(std::span<float> state) {
  for (float& x : state)
    x = 0.5f * x + 1.0f;
}

class Forecast : public ::testing::Test {
 protected:
  Forecast() {
    Synthetic source;
    source.variables = {"a", "b"};
    source.times = Synthetic::steps(20, 6.0);
    source.value = [](int64_t v, int64_t t, int64_t y, int64_t x) {
      return y == 2 && x == 3 ? NAN : static_cast<double>(64 * v + 16 * t + 4 * y + x);
    };
    write_synthetic(directory_ / "source.nc", source);
    dataset_ = std::make_unique<data::Dataset>(data::DatasetOptions{{directory_ / "source.nc"}, {"a", "b"}});
  }

  ForecastLayout layout() const { return {{4, 9, 11}, data::LeadTime::parse("6h"), 3, {}, "x"}; }
  std::vector<double> read(const std::string& name, const std::string& variable) const {
    const data::NetcdfFile file((directory_ / name).string());
    return file.read_all(*file.find(variable));
  }
  std::vector<std::string> dims(const std::string& name, const std::string& variable) const {
    const data::NetcdfFile file((directory_ / name).string());
    std::vector<std::string> names;
    for (const auto& dim : file.find(variable)->dims)
      names.push_back(dim.name);
    return names;
  }

  TemporaryDirectory directory_;
  std::unique_ptr<data::Dataset> dataset_;
};

TEST_F(Forecast, HoldsEveryStepOfEveryInitialTime) {
  FunctionForecaster forecaster(*dataset_, halve);
  run_forecast(*dataset_, forecaster, layout(), directory_ / "f.nc", 2);
  const std::vector<double> b = read("f.nc", "b");
  ASSERT_EQ(b.size(), 3u * 3 * 16);
  for (int64_t i = 0, k = 0; i < 3; ++i) {
    const int64_t t = layout().initial_times[i];
    for (int64_t n = 1; n <= 3; ++n) {
      for (int64_t p = 0; p < 16; ++p, ++k) {
        float expected = static_cast<float>(64 + 16 * t + p);
        for (int64_t s = 0; s < n; ++s)
          expected = 0.5f * expected + 1.0f;
        if (p == 11) {
          EXPECT_TRUE(std::isnan(b[k]));
        } else {
          EXPECT_EQ(b[k], expected);
        }
      }
    }
  }
}

TEST_F(Forecast, MembersHaveADim) {
  FunctionForecaster forecaster(*dataset_, halve);
  ForecastLayout of_ensemble = layout();
  of_ensemble.variables = {0, 1};
  of_ensemble.ensemble = {3, 0.5, {1.0, 2.0}, 7};
  run_forecast(*dataset_, forecaster, of_ensemble, directory_ / "f.nc", 2);
  EXPECT_EQ(dims("f.nc", "b"), (std::vector<std::string>{"init_time", "number", "lead_time", "lat", "lon"}));
  EXPECT_EQ(read("f.nc", "number"), (std::vector<double>{0, 1, 2}));
  // A linear law halves what members differ by, and the mean of members is what a single field stands for.
  const std::vector<double> values = read("f.nc", "b");
  const auto at = [&](int64_t initial, int64_t member, int64_t lead) {
    return values[((initial * 3 + member) * 3 + lead) * 16 + 6];
  };
  for (int64_t i = 0; i < 3; ++i) {
    const double apart = at(i, 1, 0) - at(i, 0, 0);
    EXPECT_GT(std::abs(apart), 1e-3);
    EXPECT_NEAR(at(i, 1, 1) - at(i, 0, 1), apart / 2, 1e-4);
    const float mean = read_forecast(directory_ / "f.nc", *dataset_, of_ensemble, 1, i, 2)[6];
    EXPECT_NEAR(mean, (at(i, 0, 2) + at(i, 1, 2) + at(i, 2, 2)) / 3, 1e-4);
  }
}

TEST_F(Forecast, MembersOfOneInitialTimeStandBeforeItsTimes) {
  FunctionForecaster forecaster(*dataset_, halve);
  ForecastLayout of_ensemble = layout();
  of_ensemble.initial_times = {4};
  of_ensemble.variables = {0, 1};
  of_ensemble.dims = ForecastDims::valid_time;
  of_ensemble.ensemble = {3, 0.5, {1.0, 2.0}, 7};
  run_forecast(*dataset_, forecaster, of_ensemble, directory_ / "f.nc", 2);
  EXPECT_EQ(dims("f.nc", "b"), (std::vector<std::string>{"number", "time", "lat", "lon"}));
  const std::vector<double> values = read("f.nc", "b");
  const float mean = read_forecast(directory_ / "f.nc", *dataset_, of_ensemble, 1, 0, 2)[6];
  EXPECT_NEAR(mean, (values[2 * 16 + 6] + values[5 * 16 + 6] + values[8 * 16 + 6]) / 3, 1e-4);
}

TEST_F(Forecast, RanksWriteTheFileOfOne) {
  FunctionForecaster one(*dataset_, halve);
  run_forecast(*dataset_, one, layout(), directory_ / "one.nc");
  // Row 1 is cut: rank 0 owns its first two columns. Rank 2 has one row.
  const std::vector<Range> slabs = {{0, 2}, {1, 3}, {3, 4}};
  std::vector<float> upper(16, 1.0f), middle(16, 1.0f);
  for (const int v : {0, 8}) {
    upper[v + 6] = upper[v + 7] = 0.0f;
    middle[v] = middle[v + 1] = 0.0f;
  }
  Meeting meeting(3);
  run_ranks(3, [&](int rank) {
    SlabForecaster forecaster(*dataset_, halve, meeting, rank, slabs[rank],
                              rank == 0   ? upper
                              : rank == 1 ? middle
                                          : std::vector<float>());
    run_forecast(*dataset_, forecaster, layout(), directory_ / "three.nc", 2);
  });
  for (const char* variable : {"a", "b"}) {
    const auto expected = read("one.nc", variable), values = read("three.nc", variable);
    ASSERT_EQ(values.size(), expected.size());
    for (size_t i = 0; i < values.size(); ++i) {
      EXPECT_TRUE(values[i] == expected[i] || (std::isnan(values[i]) && std::isnan(expected[i]))) << i;
    }
  }
}

TEST_F(Forecast, AnInitialStateWithoutValuesIsAnError) {
  Synthetic source;
  source.variables = {"a", "b"};
  source.times = Synthetic::steps(3, 6.0);
  source.value = [](int64_t v, int64_t t, int64_t y, int64_t) {
    return v == 1 && (t == 1 || y > 1) ? NAN : 3.0;
  };
  write_synthetic(directory_ / "gap.nc", source);
  const data::Dataset gap({{directory_ / "gap.nc"}, {"a", "b"}});
  FunctionForecaster forecaster(gap, halve);
  const ForecastLayout of_gap{{0, 1}, data::LeadTime::parse("6h"), 2, {}, "x"};
  EXPECT_ERROR(run_forecast(gap, forecaster, of_gap, directory_ / "f.nc"), Exit::data,
               "b: expected values at 2000-01-01T06:00:00, found none valid");
  EXPECT_FALSE(std::filesystem::exists(directory_ / "f.nc"));
  ForecastLayout others = of_gap;
  others.initial_times = {0, 2};
  EXPECT_NO_THROW(run_forecast(gap, forecaster, others, directory_ / "f.nc"));
}

TEST_F(Forecast, AFailureToWriteEndsEveryRank) {
  Meeting meeting(2);
  int failed[2] = {0, 0};
  run_ranks(2, [&](int rank) {
    SlabForecaster forecaster(*dataset_, halve, meeting, rank, rank == 0 ? Range{0, 2} : Range{2, 4});
    try {
      run_forecast(*dataset_, forecaster, layout(), directory_ / "nowhere" / "f.nc");
    } catch (const Error& error) {
      failed[rank] = error.code() == Exit::data ? 1 : 0;
    }
  });
  EXPECT_EQ(failed[0] + failed[1], 2);
}

/// Rain that no analysis has is nothing that a forecast hangs on.
TEST_F(Forecast, DiagnosticsMayBeMissingAtTheStart) {
  Synthetic source;
  source.variables = {"a", "b"};
  source.times = Synthetic::steps(3, 6.0);
  source.value = [](int64_t v, int64_t t, int64_t, int64_t) { return v == 1 && t == 0 ? NAN : 3.0; };
  write_synthetic(directory_ / "rain.nc", source);
  data::DatasetOptions options{{directory_ / "rain.nc"}, {"a"}};
  options.diagnostics = {"b"};
  const data::Dataset dataset(options);
  FunctionForecaster forecaster(dataset, [](std::span<float> state) { state[16] = 7.0F; });
  const ForecastLayout layout{{0}, data::LeadTime::parse("6h"), 1, {0, 1}, "x"};
  EXPECT_NO_THROW(run_forecast(dataset, forecaster, layout, directory_ / "f.nc"));
  EXPECT_EQ(read_forecast(directory_ / "f.nc", dataset, layout, 1, 0, 0)[0], 7.0F);
}

}  // namespace
}  // namespace seqvit::evaluate
