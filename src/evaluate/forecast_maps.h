/// A forecast beside the truth: what the three maps of a picture (evaluate/picture.h) and of a report show.
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"
#include "draw/colour_scale.h"
#include "grid/grid.h"

namespace seqvit::evaluate {

struct MapText {
  std::string variable;      ///< "air"
  std::string long_name;     ///< "air temperature at sigma level 995"; may be empty
  std::string units;         ///< "K"; may be empty
  std::string initial_time;  ///< "2014-07-01 00:00"
  std::string valid_time;    ///< "2014-07-02 00:00"
  std::string lead;          ///< "24 h"
};

struct ForecastMaps {
  grid::Grid grid;
  std::vector<float> truth, forecast;  ///< [Y, X] of the whole grid, physical units, NaN where missing
  std::vector<float> land;             ///< [Y, X] fraction of land; empty: coasts are Earth's
  MapText text;
};

/// Truth, text and land from the data; `forecast` is of `variable` from times[initial] to times[valid].
ForecastMaps make_forecast_maps(const data::Dataset& dataset, int64_t variable, int64_t initial,
                                int64_t valid, double lead_hours, std::vector<float> forecast);

/// "2014-07-01 06:00"; seconds only where there are any.
std::string map_time_text(const data::Dataset& dataset, int64_t index);

/// A map: "Truth", "Forecast" or "Error, RMSE 1.29 K" (forecast - truth). The first two share a scale, the
/// error's is symmetric about 0.
struct MapPanel {
  std::string id, heading, description;
  std::vector<float> field;
  draw::ColourScale scale;
  std::string scale_name;  ///< "K", "forecast - truth, K"
};
std::vector<MapPanel> map_panels(const ForecastMaps& maps);

/// Root of the area-weighted mean square of the values that are there; NaN where there are none.
double spatial_rmse(const grid::Grid& grid, const std::vector<float>& error);

/// Whether a static field named so is a fraction of land (0 sea, 1 land): by its CF standard name or by a
/// usual name of its own.
bool is_land_fraction(const std::string& name, const std::string& standard_name);

}  // namespace seqvit::evaluate
