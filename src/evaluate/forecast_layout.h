/// What a forecast file holds, and how its dims are laid out and named.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/field_names.h"
#include "evaluate/ensemble.h"

namespace seqvit::evaluate {

enum class ForecastDims {
  /// (init_time, lead_time, [level,] lat, lon); `time` (init_time, lead_time) is when fields are valid.
  lead_time,
  /// (time, [level,] lat, lon) of one initial time, for programs that know one time (CDO, ncview).
  valid_time,
  /// (init_time, lead_time, [level,] latitude, longitude), as WeatherBench-X has it; `prediction_timedelta`
  /// along lead_time is WeatherBench 2's name of it.
  weatherbench
};

struct ForecastLayout {
  std::vector<int64_t> initial_times;  ///< time indices of the data set
  data::LeadTime step;                 ///< lead times are 1 .. steps times this
  int64_t steps = 1;
  std::vector<int64_t> variables;  ///< indices into Dataset::variables()
  std::string command;             ///< command line, for `history`
  ForecastDims dims = ForecastDims::lead_time;
  Ensemble ensemble;  ///< of several members: a dim `number` of them, before that of lead or valid times

  /// "lead_time", "valid_time" or "weatherbench". Throws Error(usage).
  static ForecastDims parse_dims(const std::string& text);
};

/// Levels that fields of one vertical coordinate stand on; a variable that is not forecast on one of them is
/// missing there.
struct LevelDim {
  std::string name;      ///< "level", "level_2"
  data::LevelAxis axis;  ///< `values`: those of any field, in the order of the source
};

/// Where a field stands in the file.
struct FieldPlace {
  std::string name;    ///< of its variable
  int level_dim = -1;  ///< index of its LevelDim, or -1
  int64_t level = 0;   ///< index along it
};

struct ForecastNames {
  std::vector<LevelDim> levels;
  std::vector<FieldPlace> fields;  ///< of ForecastLayout::variables
};

/// Levels of a variable are one variable again (data/field_names.h).
ForecastNames forecast_names(const data::Dataset& dataset, const std::vector<int64_t>& variables);

}  // namespace seqvit::evaluate
