/// Sunlight at the top of the atmosphere: a forcing that is known at all times without a file.
///
/// Instantaneous, on a horizontal surface, W m-2: 1361 (r0 / r)^2 max(0, cos zenith angle), with declination,
/// distance and equation of time by the series of Spencer (1971), good to some tenths of a degree in any year
/// of today's orbit.
#pragma once

#include <span>

#include "core/partition.h"
#include "data/calendar.h"
#include "grid/grid.h"

namespace seqvit::data {

/// The name that `data.forcings` asks for it by.
inline constexpr const char* kInsolation = "insolation";

/// On rows [rows.begin, rows.end) of the grid; NaN of points without a place. `out` holds rows.size() *
/// columns values.
void insolation(TimeStamp time, Calendar calendar, const grid::Grid& grid, Range rows, std::span<float> out);

}  // namespace seqvit::data
