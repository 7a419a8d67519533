#include "evaluate/forecast_maps.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include <fmt/core.h>

#include "core/error.h"
#include "evaluate/score_report.h"
#include "grid/cell_weights.h"

namespace seqvit::evaluate {
namespace {

// The first static field that says where land is; empty if there is none.
std::vector<float> read_land(const data::Dataset& dataset) {
  for (size_t i = 0; i < dataset.statics().size(); ++i) {
    const data::VariableInfo& info = dataset.statics()[i];
    if (!is_land_fraction(info.name, data::text_of(info.attributes, "standard_name"))) continue;
    std::vector<float> land(dataset.grid().points());
    dataset.read_static(static_cast<int64_t>(i), {0, dataset.grid().rows()}, land);
    return land;
  }
  return {};
}

std::string with_units(const std::string& text, const std::string& units, const char* between) {
  return units.empty() ? text : fmt::format("{}{}{}", text, between, units);
}

}  // namespace

std::string map_time_text(const data::Dataset& dataset, int64_t index) {
  std::string text = data::format_time(dataset.times()[index], dataset.calendar());
  if (text.ends_with(":00")) text.resize(text.size() - 3);
  std::replace(text.begin(), text.end(), 'T', ' ');
  return text;
}

ForecastMaps make_forecast_maps(const data::Dataset& dataset, int64_t variable, int64_t initial,
                                int64_t valid, double lead_hours, std::vector<float> forecast) {
  const data::VariableInfo& info = dataset.variables()[variable];
  ForecastMaps maps{.grid = dataset.grid(),
                    .truth = std::vector<float>(dataset.grid().points()),
                    .forecast = std::move(forecast),
                    .land = read_land(dataset),
                    .text = {.variable = info.name,
                             .long_name = data::text_of(info.attributes, "long_name"),
                             .units = info.units,
                             .initial_time = map_time_text(dataset, initial),
                             .valid_time = map_time_text(dataset, valid),
                             .lead = lead_text(lead_hours)}};
  dataset.read(variable, valid, {0, dataset.grid().rows()}, maps.truth);
  return maps;
}

std::vector<MapPanel> map_panels(const ForecastMaps& maps) {
  check(static_cast<int64_t>(maps.truth.size()) == maps.grid.points() &&
            maps.forecast.size() == maps.truth.size(),
        "fields of a map have the wrong size");
  std::vector<float> error(maps.truth.size());
  for (size_t i = 0; i < error.size(); ++i)
    error[i] = maps.forecast[i] - maps.truth[i];
  const draw::ColourScale values = draw::field_scale(maps.truth, maps.forecast),
                          errors = draw::error_scale(error);
  const std::string& units = maps.text.units;
  const std::string what =
      fmt::format("{} valid {}, lead time {}", maps.text.variable, maps.text.valid_time, maps.text.lead);
  const double root = spatial_rmse(maps.grid, error);
  const std::string rmse =
      std::isfinite(root) ? with_units(fmt::format("RMSE {:.3g}", root), units, " ") : "not known";
  const std::string name = units.empty() ? "no units" : units;
  return {{"map-truth", "Truth", "Map of the truth: " + what, maps.truth, values, name},
          {"map-forecast", "Forecast", "Map of the forecast: " + what, maps.forecast, values, name},
          {"map-error", "Error, " + rmse, "Map of forecast minus truth: " + what + "; " + rmse, error, errors,
           with_units("forecast \u2212 truth", units, ", ")}};
}

double spatial_rmse(const grid::Grid& grid, const std::vector<float>& error) {
  const grid::CellWeights weights(grid);
  double weight = 0, squares = 0;
  for (size_t i = 0; i < error.size(); ++i) {
    if (!std::isfinite(error[i])) continue;
    const double w =
        weights(static_cast<int64_t>(i) / grid.columns(), static_cast<int64_t>(i) % grid.columns());
    weight += w;
    squares += w * error[i] * error[i];
  }
  return std::sqrt(squares / weight);  // 0 / 0 where nothing is valid
}

bool is_land_fraction(const std::string& name, const std::string& standard_name) {
  constexpr std::array<std::string_view, 5> usual = {"land_fraction", "land_sea_mask", "lsm", "sftlf",
                                                     "landfrac"};
  return standard_name == "land_area_fraction" || standard_name == "land_binary_mask" ||
         std::find(usual.begin(), usual.end(), name) != usual.end();
}

}  // namespace seqvit::evaluate
