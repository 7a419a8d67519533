/// Curves of many thousand steps made fit for a figure.
#pragma once

#include <cstddef>
#include <limits>
#include <vector>

namespace seqvit::report {

struct ChartPoint {
  double x = 0, y = 0;
  /// Interval about y; NaN: none.
  double low = std::numeric_limits<double>::quiet_NaN(), high = std::numeric_limits<double>::quiet_NaN();
};

/// At most `count` points that look like all of them: of each stretch its lowest and highest value, in order,
/// so that no spike is lost.
std::vector<ChartPoint> thinned(const std::vector<ChartPoint>& points, size_t count = 400);

/// Mean over a window of `width` points centred on each; shorter at the ends. NaN values are left out.
std::vector<ChartPoint> smoothed(const std::vector<ChartPoint>& points, size_t width);

}  // namespace seqvit::report
