/// Where a grid's rows and columns lie on a map, and degrees to label it with.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "draw/axis.h"

namespace seqvit::draw {

/// Cells of a coordinate in ascending order, whatever the order of the data.
struct MapAxis {
  std::vector<double> edges;  ///< degrees, one more than cells; each edge lies midway between two neighbours
  std::vector<int64_t> indices;  ///< row or column of the data, by cell

  double low() const { return edges.front(); }
  double high() const { return edges.back(); }
  /// Row or column of the data whose cell holds `coordinate`.
  int64_t index_at(double coordinate) const;
};

MapAxis latitude_axis(const std::vector<double>& latitude);
/// Longitudes that jump (350, 0, 10) are taken as going on (350, 360, 370).
MapAxis longitude_axis(const std::vector<double>& longitude);

/// Rows or columns by number, for grids without such axes.
MapAxis number_axis(int64_t count);

/// Multiples of a step that divides the circle well (1, 2, 5, 10, 15, 20, 30, 45, 60, 90 degrees), at most
/// `count`.
std::vector<double> degree_ticks(double low, double high, int count);

/// "30°N", "20°S", "0°"; "120°W", "15°E", "180°".
std::string latitude_text(double degrees);
std::string longitude_text(double degrees);

}  // namespace seqvit::draw
