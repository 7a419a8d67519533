/// Scores as NetCDF: what scores.json holds, for programs that read arrays.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "evaluate/scores.h"

namespace seqvit::evaluate {

/// A variable for each metric over (variable, lead, region), and beside it METRIC_persistence,
/// METRIC_climatology, METRIC_low and METRIC_high (95 % interval); `initial_times` and `points`, which the
/// rmse was taken over; `units` along variable. `variable` and `region` are texts, `lead` hours that xarray
/// reads as timedelta64. NaN: not defined. Throws Error(data) with path and reason.
void write_scores(const std::filesystem::path& path, std::span<const Score> scores,
                  const std::string& command);

}  // namespace seqvit::evaluate
