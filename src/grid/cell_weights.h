/// How much of the sphere each point of a grid stands for: the weights of the loss, of scores and of means.
///
/// The area of the point's cell, with mean 1 over the grid:
/// - Rectilinear: sin(upper edge) - sin(lower edge). Edges are the file's bounds, else lie midway between
///   rows; the outermost rows reach as far out as in, at most to the pole, and to the pole where it is nearer
///   than a row. So a row at the pole has the area of its cap (cos 90 degrees would be 0). WeatherBench 2
///   takes the same areas.
/// - Gaussian latitudes (a whole globe of them) have the weights of their quadrature.
/// - Curvilinear: the spherical polygon of the cell's corners in the file; else of corners midway between the
///   centres. 0 where a point has no place.
/// - Without a place on Earth: 1.
#pragma once

#include <cstdint>
#include <vector>

#include "grid/grid.h"

namespace seqvit::grid {

class CellWeights {
 public:
  explicit CellWeights(const Grid& grid);

  double operator()(int64_t row, int64_t column) const {
    return values_[row * columns_ + column * by_point_];
  }
  /// [rows, 1] where all points of a row have the same, else [rows, columns].
  const std::vector<double>& values() const { return values_; }

 private:
  std::vector<double> values_;
  int64_t columns_ = 1, by_point_ = 0;
};

}  // namespace seqvit::grid
