/// The points that fields stand on: a rectilinear latitude-longitude grid, a grid whose every point has a
/// latitude and longitude of its own (rotated pole, projections, oceans), or rows and columns without any
/// place on Earth.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace seqvit::grid {

enum class GridKind {
  rectilinear,  ///< a row has one latitude, a column one longitude
  curvilinear,  ///< see Grid::point_latitude
  index,        ///< images, simulations: rows and columns are numbers from 0
};

struct Grid {
  /// Degrees north, one a row, in the order of the data. Of a grid that is not rectilinear the place along
  /// its own axis: rotated degrees, metres of a projection, or the row's number.
  std::vector<double> latitude;
  std::vector<double> longitude;  ///< degrees east, one a column; else as `latitude`
  GridKind kind = GridKind::rectilinear;
  /// Where the points of a curvilinear grid truly are, degrees [rows, columns]; NaN where the file does not
  /// say.
  std::vector<double> point_latitude = {}, point_longitude = {};
  /// Edges of the rows of a rectilinear grid [rows, 2], degrees, where the file states them; else empty.
  std::vector<double> row_bounds = {};
  /// Corners of the cells of a curvilinear grid [rows, columns, 4], degrees, where the file states them; else
  /// empty.
  std::vector<double> corner_latitude = {}, corner_longitude = {};

  int64_t rows() const { return static_cast<int64_t>(latitude.size()); }
  int64_t columns() const { return static_cast<int64_t>(longitude.size()); }
  int64_t points() const { return rows() * columns(); }
  /// Whether points have a place on Earth.
  bool on_earth() const { return kind != GridKind::index; }

  /// True latitude and longitude of a point, degrees; NaN of points without a place.
  double latitude_at(int64_t row, int64_t column) const;
  double longitude_at(int64_t row, int64_t column) const;

  /// "latitudes from 10 to 20 and longitudes from 0 to 357.5"; of a grid without places "48 x 96 points".
  std::string extent_text() const;

  /// True when the columns of a rectilinear grid go round the globe at equal spacing (the last meets the
  /// first).
  bool periodic() const;
};

}  // namespace seqvit::grid
