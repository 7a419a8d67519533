/// One self-contained HTML page about a run: what was trained on what, how training went, what the forecasts
/// are worth.
///
/// What is not there yet (scores, a validation, the data) is said on the page and is no error. The page loads
/// nothing, has no script, and stays below 3 MB: curves are thinned, maps have a bounded number of pixels,
/// long lists are cut with a word about what is left out. The same run gives the same bytes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "evaluate/forecast_maps.h"
#include "grid/grid.h"
#include "report/html.h"
#include "report/run_record.h"

namespace seqvit::report {

/// A period of the data: "training", from and to.
struct PeriodFacts {
  std::string name, first, last;
  int64_t times = 0;
};

/// What only the data files know.
struct DataFacts {
  grid::Grid grid;
  std::vector<PeriodFacts> periods;
};

struct Report {
  RunRecord run;
  std::optional<DataFacts> data;
  std::optional<evaluate::ForecastMaps> maps;
  std::string maps_missing;  ///< why there are no maps
};

std::string report_page(const Report& report);

/// {run, variables, tokens, parameters, steps, planned_steps, final_loss, best_validation {step, loss},
/// seconds {steps, data}, peak_rss_bytes, scores, spectra [as in scores.json], missing [what the page
/// lacks]}; null for what is not known.
nlohmann::json report_json(const Report& report);

}  // namespace seqvit::report
