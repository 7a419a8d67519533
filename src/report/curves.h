/// Curves of many thousand steps made fit for a figure.
#pragma once

#include <cstddef>
#include <vector>

#include "draw/chart.h"

namespace seqvit::report {

/// At most `count` points that look like all of them: of each stretch its lowest and highest value, in order,
/// so that no spike is lost.
std::vector<draw::ChartPoint> thinned(const std::vector<draw::ChartPoint>& points, size_t count = 400);

/// Mean over a window of `width` points centred on each; shorter at the ends. NaN values are left out.
std::vector<draw::ChartPoint> smoothed(const std::vector<draw::ChartPoint>& points, size_t width);

}  // namespace seqvit::report
