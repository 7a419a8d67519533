// make_scores DIRECTORY: data with gaps, a forecaster that knows no data but those, its forecasts
// (forecast.nc) and its scores (scores.json), for check_scores.py to compute once more; the same of an
// ensemble (ensemble.nc, ensemble.json) for check_ensemble.py.

#include <bit>
#include <cmath>
#include <numbers>

#include <nlohmann/json.hpp>

#include "core/file.h"
#include "core/random.h"
#include "evaluate/evaluate.h"
#include "evaluate/forecast.h"
#include "evaluate/synthetic.h"

namespace {

using namespace seqvit;
using namespace seqvit::evaluate;

// A year and a half from the middle of 2003, over 29 February; a seasonal and a daily cycle, waves and noise.
// One point is always missing, others now and then.
evaluate::testing::Synthetic source() {
  evaluate::testing::Synthetic s;
  s.latitude = {80, 50, 20, -10, -40, -70};
  s.longitude = {0, 45, 90, 135, 180, 225, 270, 315};
  s.times = evaluate::testing::Synthetic::steps(2200, 6.0);
  s.time_units = "hours since 2003-07-01";
  s.value = [](int64_t, int64_t t, int64_t y, int64_t x) {
    const int64_t place = (t * 6 + y) * 8 + x;
    if ((y == 2 && x == 3) || uniform(7, place) < 0.08) return std::nan("");
    const double day = static_cast<double>(t) / 4.0, turn = 2.0 * std::numbers::pi;
    return 280.0 + 10.0 * std::cos(turn * day / 365.25) + 3.0 * std::sin(turn * day) +
           4.0 * std::sin(turn * (day / 7.0 + static_cast<double>(x) / 8.0) + static_cast<double>(y)) +
           normal(8, place);
  };
  return s;
}

// Damped persistence with noise that depends on the state alone, so that both rollouts see the same.
void damp(std::span<float> state) {
  for (size_t i = 0; i < state.size(); ++i) {
    const float noise = static_cast<float>(normal(std::bit_cast<uint32_t>(state[i]), i));
    state[i] = 281.0f + 0.95f * (state[i] - 280.0f) + 0.5f * noise;
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return 2;
  const std::filesystem::path directory = arguments[1];
  evaluate::testing::write_synthetic(directory / "source.nc", source());
  const data::Dataset dataset({{directory / "source.nc"}});
  evaluate::testing::FunctionForecaster forecaster(dataset, damp);
  const data::LeadTime step = data::LeadTime::parse("6h");

  // Strides longer than the longest lead: every lead is scored from the same 20 initial times.
  EvaluateOptions options{.period = {1700, 1700 + 20 * 25}, .stride = 25};
  ForecastLayout layout{.step = step, .steps = 20, .command = "make_scores"};
  for (int64_t n = 1; n <= 20; ++n) {
    options.leads.push_back(step.times(n));
    layout.initial_times.push_back(1700 + (n - 1) * 25);
  }
  const Range training{0, 1600};
  const EvaluationResult result = evaluate::evaluate(dataset, training, step, forecaster, options);
  write_text(directory / "scores.json", scores_to_json(result.scores, result.spectra).dump(1), Exit::data);
  run_forecast(dataset, forecaster, layout, directory / "forecast.nc");

  options.ensemble = layout.ensemble = {.members = 7, .perturbation = 0.5, .unit = {2.0}, .seed = 3};
  const EvaluationResult ensemble = evaluate::evaluate(dataset, training, step, forecaster, options);
  nlohmann::json json = scores_to_json(ensemble.scores, ensemble.spectra);
  json["members"] = 7;
  json["rank_histograms"] = rank_histograms_to_json(ensemble.rank_histograms);
  write_text(directory / "ensemble.json", json.dump(1), Exit::data);
  run_forecast(dataset, forecaster, layout, directory / "ensemble.nc");
}
