#include "grid/grid.h"

#include <cmath>
#include <limits>

#include <fmt/format.h>

namespace seqvit::grid {

double Grid::latitude_at(int64_t row, int64_t column) const {
  if (kind == GridKind::rectilinear) return latitude[row];
  return kind == GridKind::curvilinear ? point_latitude[row * columns() + column]
                                       : std::numeric_limits<double>::quiet_NaN();
}

double Grid::longitude_at(int64_t row, int64_t column) const {
  if (kind == GridKind::rectilinear) return longitude[column];
  return kind == GridKind::curvilinear ? point_longitude[row * columns() + column]
                                       : std::numeric_limits<double>::quiet_NaN();
}

std::string Grid::extent_text() const {
  if (!on_earth()) return fmt::format("{} x {} points", rows(), columns());
  const bool axes = kind == GridKind::rectilinear;
  const auto range = [](const std::vector<double>& values) {
    double least = std::numeric_limits<double>::infinity(), most = -least;
    for (const double value : values) {  // not minmax_element: some may be NaN
      if (value < least) least = value;
      if (value > most) most = value;
    }
    return fmt::format("from {:g} to {:g}", least, most);
  };
  return fmt::format("latitudes {} and longitudes {}", range(axes ? latitude : point_latitude),
                     range(axes ? longitude : point_longitude));
}

bool Grid::periodic() const {
  if (kind != GridKind::rectilinear || columns() < 2) return false;
  const double spacing = std::abs(longitude.back() - longitude.front()) / static_cast<double>(columns() - 1);
  return std::abs(spacing * static_cast<double>(columns()) - 360.0) < 0.01 * spacing;
}

}  // namespace seqvit::grid
