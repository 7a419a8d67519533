/// Where a time stands in its day and its year: what a model needs to know of sun and season.
#pragma once

#include <array>

#include "data/calendar.h"

namespace seqvit::data {

/// Sine and cosine of the time of day (UTC), then of the time of year.
constexpr int64_t kPhases = 4;
std::array<double, kPhases> calendar_phases(TimeStamp time, Calendar calendar);

/// When fields that are valid at `time` could be valid once they are rolled eastward by `degrees`: the sun
/// stands over 0 degrees at 12 UTC, over 90 degrees east at 6 UTC.
TimeStamp rolled_time(TimeStamp time, double degrees);

}  // namespace seqvit::data
