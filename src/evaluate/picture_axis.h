/// Where a grid's rows and columns lie on a picture, and round numbers to label it with.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace seqvit::evaluate {

/// Cells of a coordinate in ascending order, whatever the order of the data.
struct PictureAxis {
  std::vector<double> edges;  ///< degrees, one more than cells; each edge lies midway between two neighbours
  std::vector<int64_t> indices;  ///< row or column of the data, by cell

  double low() const { return edges.front(); }
  double high() const { return edges.back(); }
  /// Row or column of the data whose cell holds `coordinate`.
  int64_t index_at(double coordinate) const;
};

PictureAxis latitude_axis(const std::vector<double>& latitude);
/// Longitudes that jump (350, 0, 10) are taken as going on (350, 360, 370).
PictureAxis longitude_axis(const std::vector<double>& longitude);

/// Multiples of 1, 2 or 5 times a power of ten in [low, high], about `count` of them.
std::vector<double> round_ticks(double low, double high, int count);
/// Multiples of a step that divides the circle well (1, 2, 5, 10, 15, 20, 30, 45, 60, 90 degrees), at most
/// `count`.
std::vector<double> degree_ticks(double low, double high, int count);

/// "30N", "20S", "0"; "120W", "15E", "180".
std::string latitude_text(double degrees);
std::string longitude_text(double degrees);
/// All numbers with as many digits as tell them apart.
std::vector<std::string> tick_texts(const std::vector<double>& ticks);

}  // namespace seqvit::evaluate
