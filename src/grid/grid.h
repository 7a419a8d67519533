/// A regular (rectilinear) latitude-longitude grid: coordinates, area weights and whether longitude closes on
/// itself.
///
/// Weights follow WeatherBench 2: cos(latitude), normalised to mean 1 over the grid.
#pragma once

#include <cstdint>
#include <vector>

namespace seqvit::grid {

struct Grid {
  std::vector<double> latitude;   ///< degrees north, one a row, in the order of the data
  std::vector<double> longitude;  ///< degrees east, one a column, in the order of the data

  int64_t rows() const { return static_cast<int64_t>(latitude.size()); }
  int64_t columns() const { return static_cast<int64_t>(longitude.size()); }
  int64_t points() const { return rows() * columns(); }

  /// True when the columns go round the globe at equal spacing (the last meets the first).
  bool periodic() const;
  /// Area weight of each row, mean 1 over the rows.
  std::vector<double> row_weights() const;
};

}  // namespace seqvit::grid
