/// The median of a list.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

namespace seqvit {

/// The upper of the two middle values where their number is even; NaN for no values.
inline double median(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace seqvit
