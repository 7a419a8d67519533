/// A forecast beside the truth: three maps in a row (truth, forecast, forecast - truth) as a PNG for a slide
/// or a report.
#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

#include "evaluate/forecast_maps.h"

namespace seqvit::evaluate {

/// PNG `width` pixels wide. North is up, missing values are grey; truth and forecast share one scale, from
/// the 0.5 to the 99.5 percentile of their values; the error's is symmetric about 0. The same bytes for the
/// same fields on one machine.
std::vector<std::byte> draw_picture(const ForecastMaps& maps, int width = 1500);

/// The same into a file. Throws Error(data) with path and reason if it cannot be written.
void write_picture(const std::filesystem::path& path, const ForecastMaps& maps, int width = 1500);

}  // namespace seqvit::evaluate
