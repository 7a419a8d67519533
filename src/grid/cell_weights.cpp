#include "grid/cell_weights.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>
#include <optional>

#include "grid/gaussian.h"

namespace seqvit::grid {
namespace {

constexpr double kRadians = std::numbers::pi / 180.0;

/// Weights of the quadrature where the rows are those of a whole Gaussian grid.
std::optional<std::vector<double>> gaussian_weights(const std::vector<double>& latitude) {
  constexpr double kNear = 2e-3;  // degrees: files give two or three digits
  const auto rows = static_cast<int64_t>(latitude.size());
  if (rows < 4) return std::nullopt;
  // The outermost root, to tell the others apart without finding theirs.
  const double outermost = std::cos(2.404825557695773 / (static_cast<double>(rows) + 0.5));
  if (std::abs(std::abs(latitude[0]) - std::asin(outermost) / kRadians) > 0.05) return std::nullopt;
  GaussianLatitudes gauss = gaussian_latitudes(rows);
  const double sign = latitude[0] > 0 ? 1.0 : -1.0;
  for (int64_t y = 0; y < rows; ++y) {
    if (std::abs(latitude[y] - sign * std::asin(gauss.sine[y]) / kRadians) > kNear) return std::nullopt;
  }
  return std::move(gauss.weight);
}

/// Edge beyond an outermost row whose neighbour is `inner`: as far out as the edge inwards.
double outer_edge(double row, double inner) {
  const double edge = row + (row - inner) / 2, pole = std::copysign(90.0, row - inner);
  const bool beyond = std::abs(edge) >= 90.0, near = std::abs(pole - row) < std::abs(row - inner);
  return beyond || near ? pole : edge;
}

std::vector<double> areas_of_rows(const Grid& grid) {
  const std::vector<double>& latitude = grid.latitude;
  const size_t rows = latitude.size();
  if (!grid.row_bounds.empty()) {
    std::vector<double> areas(rows);
    for (size_t y = 0; y < rows; ++y)
      areas[y] = std::abs(std::sin(grid.row_bounds[2 * y] * kRadians) -
                          std::sin(grid.row_bounds[2 * y + 1] * kRadians));
    return areas;
  }
  if (rows < 2) return std::vector<double>(rows, 1.0);
  if (auto weights = gaussian_weights(latitude)) return *std::move(weights);
  std::vector<double> edges = {outer_edge(latitude[0], latitude[1])};
  for (size_t y = 1; y < rows; ++y)
    edges.push_back((latitude[y - 1] + latitude[y]) / 2);
  edges.push_back(outer_edge(latitude[rows - 1], latitude[rows - 2]));
  std::vector<double> areas(rows);
  for (size_t y = 0; y < rows; ++y)
    areas[y] = std::abs(std::sin(edges[y] * kRadians) - std::sin(edges[y + 1] * kRadians));
  return areas;
}

using Vector = std::array<double, 3>;

Vector operator+(const Vector& a, const Vector& b) {
  return {a[0] + b[0], a[1] + b[1], a[2] + b[2]};
}
Vector operator*(double s, const Vector& a) {
  return {s * a[0], s * a[1], s * a[2]};
}
double dot(const Vector& a, const Vector& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
Vector cross(const Vector& a, const Vector& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}
Vector on_sphere(const Vector& a) {
  return (1.0 / std::sqrt(dot(a, a))) * a;
}
Vector place(double latitude, double longitude) {
  const double phi = latitude * kRadians, lambda = longitude * kRadians;
  return {std::cos(phi) * std::cos(lambda), std::cos(phi) * std::sin(lambda), std::sin(phi)};
}

/// Signed area of a spherical triangle; Van Oosterom and Strackee (1983), IEEE Trans. Biomed. Eng. 30.
double triangle(const Vector& a, const Vector& b, const Vector& c) {
  return 2.0 * std::atan2(dot(a, cross(b, c)), 1.0 + dot(a, b) + dot(b, c) + dot(c, a));
}
double quadrilateral(const Vector& a, const Vector& b, const Vector& c, const Vector& d) {
  return std::abs(triangle(a, b, c) + triangle(a, c, d));
}

/// Areas between corners that lie midway between the centres of four cells; beyond the edge of the grid the
/// rows and columns go on as they came.
std::vector<double> areas_between_centres(const Grid& grid) {
  const int64_t rows = grid.rows(), columns = grid.columns();
  if (rows < 2 || columns < 2) return std::vector<double>(static_cast<size_t>(grid.points()), 1.0);
  const auto beyond = [](const Vector& edge, const Vector& inner) {
    return on_sphere(2.0 * edge + -1.0 * inner);
  };
  const auto in_columns = [&](int64_t y, int64_t x) {
    const auto known = [&](int64_t row) {
      return place(grid.latitude_at(row, x), grid.longitude_at(row, x));
    };
    if (y < 0) return beyond(known(0), known(1));
    return y < rows ? known(y) : beyond(known(rows - 1), known(rows - 2));
  };
  const auto centre = [&](int64_t y, int64_t x) {
    if (x < 0) return beyond(in_columns(y, 0), in_columns(y, 1));
    return x < columns ? in_columns(y, x) : beyond(in_columns(y, columns - 1), in_columns(y, columns - 2));
  };
  const auto corner = [&](int64_t y, int64_t x) {  // above and left of (y, x)
    return on_sphere(centre(y - 1, x - 1) + centre(y - 1, x) + centre(y, x - 1) + centre(y, x));
  };
  std::vector<double> areas;
  for (int64_t y = 0; y < rows; ++y) {
    for (int64_t x = 0; x < columns; ++x)
      areas.push_back(quadrilateral(corner(y, x), corner(y, x + 1), corner(y + 1, x + 1), corner(y + 1, x)));
  }
  return areas;
}

std::vector<double> areas_of_corners(const Grid& grid) {
  std::vector<double> areas;
  for (int64_t i = 0; i < grid.points(); ++i) {
    const auto corner = [&](int64_t k) {
      return place(grid.corner_latitude[4 * i + k], grid.corner_longitude[4 * i + k]);
    };
    areas.push_back(quadrilateral(corner(0), corner(1), corner(2), corner(3)));
  }
  return areas;
}

std::vector<double> areas_of(const Grid& grid) {
  switch (grid.kind) {
    case GridKind::rectilinear:
      return areas_of_rows(grid);
    case GridKind::curvilinear:
      return grid.corner_latitude.empty() ? areas_between_centres(grid) : areas_of_corners(grid);
    case GridKind::index:
      break;
  }
  return std::vector<double>(grid.latitude.size(), 1.0);
}

}  // namespace

CellWeights::CellWeights(const Grid& grid) : values_(areas_of(grid)) {
  if (grid.kind == GridKind::curvilinear) {
    columns_ = grid.columns();
    by_point_ = 1;
  }
  for (double& value : values_) {
    if (!std::isfinite(value)) value = 0.0;
  }
  const double mean =
      std::accumulate(values_.begin(), values_.end(), 0.0) / static_cast<double>(values_.size());
  for (double& value : values_)
    value = mean > 0.0 ? value / mean : 1.0;  // a grid without extent
}

}  // namespace seqvit::grid
