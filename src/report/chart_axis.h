/// An axis of a chart: from values to positions along it, and round numbers to label it with.
#pragma once

#include <string>
#include <vector>

namespace seqvit::report {

struct ChartAxis {
  double low = 0, high = 1;
  bool logarithmic = false;

  /// 0 at `low`, 1 at `high`.
  double position(double value) const;
  /// About `count` round values within the axis; on a logarithmic one 1, 2, 5 x powers of ten (the
  /// powers alone where it spans more than four), unless that would leave fewer than two.
  std::vector<double> ticks(int count) const;
};

/// An axis that holds all finite values with a small margin; one that is not empty where they are all equal
/// or there are none. Logarithmic only if asked for and all are positive.
ChartAxis axis_of(const std::vector<double>& values, bool logarithmic = false);

/// Labels for ticks, short and with as many digits as tell them apart: "2,000", "1e-05", "1e+08".
std::vector<std::string> axis_texts(const std::vector<double>& ticks);

/// "1,234,567".
std::string grouped(long long value);

}  // namespace seqvit::report
