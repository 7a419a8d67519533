/// Forecasts from given initial times to a file.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "data/dataset.h"
#include "evaluate/forecast_file.h"
#include "evaluate/forecaster.h"

namespace seqvit::evaluate {

/// Rolls out `layout.steps` steps from each of `layout.initial_times`, `batch_size` states at a time (all
/// members of an initial time together), and writes
/// `layout.variables` (empty: all) to `path`. Fields are put together from the slabs of all ranks one by one;
/// the rank that writes has one more field in memory. Points that are missing in the initial state are
/// missing in its forecast (a warning says how many); for other points the model sees the training mean
/// there. Collective; a failure to write throws on every rank. Throws Error(data) with path and reason, or
/// where a variable has no value at all at an initial time, Error(not_finite) where the model's output is not
/// finite, Error(success) when a signal asked to stop (the file is then not there).
void run_forecast(const data::Dataset& dataset, Forecaster& forecaster, ForecastLayout layout,
                  const std::filesystem::path& path, int64_t batch_size = 8);

}  // namespace seqvit::evaluate
