#include "report/curves.h"

#include <algorithm>
#include <cmath>

namespace seqvit::report {

std::vector<draw::ChartPoint> thinned(const std::vector<draw::ChartPoint>& points, size_t count) {
  if (points.size() <= count) return points;
  const size_t stretches = count / 2;
  std::vector<draw::ChartPoint> kept;
  for (size_t i = 0; i < stretches; ++i) {
    const auto begin = points.begin() + static_cast<std::ptrdiff_t>(i * points.size() / stretches);
    const auto end = points.begin() + static_cast<std::ptrdiff_t>((i + 1) * points.size() / stretches);
    const auto lower = [](const draw::ChartPoint& a, const draw::ChartPoint& b) { return a.y < b.y; };
    auto [least, most] = std::minmax_element(begin, end, lower);
    if (most < least) std::swap(least, most);
    kept.push_back(*least);
    if (most != least) kept.push_back(*most);
  }
  return kept;
}

std::vector<draw::ChartPoint> smoothed(const std::vector<draw::ChartPoint>& points, size_t width) {
  // Sums up to each point make the cost independent of the window.
  std::vector<double> sums = {0.0};
  std::vector<size_t> counts = {0};
  for (const draw::ChartPoint& point : points) {
    const bool valid = std::isfinite(point.y);
    sums.push_back(sums.back() + (valid ? point.y : 0.0));
    counts.push_back(counts.back() + (valid ? 1 : 0));
  }
  std::vector<draw::ChartPoint> result;
  for (size_t i = 0; i < points.size(); ++i) {
    const size_t half = std::min({width / 2, i, points.size() - 1 - i});
    const size_t begin = i - half, end = i + half + 1;
    const auto count = static_cast<double>(counts[end] - counts[begin]);
    result.push_back({points[i].x, (sums[end] - sums[begin]) / count});
  }
  return result;
}

}  // namespace seqvit::report
