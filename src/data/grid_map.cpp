#include "data/grid_map.h"

#include <algorithm>
#include <cmath>

namespace seqvit::data {
namespace {

/// Coordinates stored as float or double, or counted on from a corner, differ in the last digits.
double tolerance(const std::vector<double>& values) {
  if (values.size() < 2) return 1e-4;
  const double spacing = std::abs(values.back() - values.front()) / static_cast<double>(values.size() - 1);
  return std::max(1e-5, 1e-2 * spacing);
}

double angle_between(double a, double b) {
  return std::abs(std::remainder(a - b, 360.0));
}

bool rows_match(const std::vector<double>& wanted, const std::vector<double>& source, bool flip) {
  const double allowed = tolerance(wanted);
  for (size_t y = 0; y < wanted.size(); ++y) {
    if (std::abs(wanted[y] - source[flip ? source.size() - 1 - y : y]) > allowed) return false;
  }
  return true;
}

/// Points of grids with places of their own, in the four ways to walk through rows and columns.
std::optional<GridMap> match_points(const grid::Grid& wanted, const grid::Grid& source) {
  constexpr double kAllowed = 1e-3;  // degrees: 100 m
  const int64_t rows = wanted.rows(), columns = wanted.columns();
  const auto same = [](double a, double b, bool turns) {
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
    return (turns ? angle_between(a, b) : std::abs(a - b)) <= kAllowed;
  };
  for (const bool flip : {false, true}) {
    for (const bool mirror : {false, true}) {
      bool all = true;
      for (int64_t i = 0; all && i < rows * columns; ++i) {
        const int64_t y = i / columns, x = i % columns;
        const int64_t row = flip ? rows - 1 - y : y, column = mirror ? columns - 1 - x : x;
        // Longitude means nothing at a pole.
        all = same(wanted.latitude_at(y, x), source.latitude_at(row, column), false) &&
              (std::abs(wanted.latitude_at(y, x)) > 89.999 ||
               same(wanted.longitude_at(y, x), source.longitude_at(row, column), true));
      }
      if (!all) continue;
      GridMap map{flip, {}};
      for (int64_t x = 0; mirror && x < columns; ++x)
        map.columns.push_back(columns - 1 - x);
      return map;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<GridMap> match_grids(const grid::Grid& wanted, const grid::Grid& source) {
  if (wanted.rows() != source.rows() || wanted.columns() != source.columns() || wanted.kind != source.kind)
    return std::nullopt;
  if (wanted.kind == grid::GridKind::index) return GridMap{};
  if (wanted.kind == grid::GridKind::curvilinear) return match_points(wanted, source);
  GridMap map;
  if (!rows_match(wanted.latitude, source.latitude, false)) {
    if (!rows_match(wanted.latitude, source.latitude, true)) return std::nullopt;
    map.flip = true;
  }
  const int64_t columns = wanted.columns();
  const double allowed = tolerance(wanted.longitude);
  for (const int64_t direction : {1, -1}) {
    for (int64_t first = 0; first < columns; ++first) {
      if (angle_between(wanted.longitude[0], source.longitude[first]) > allowed) continue;
      std::vector<int64_t> order(columns);
      bool same = true;
      for (int64_t x = 0; same && x < columns; ++x) {
        order[x] = ((first + direction * x) % columns + columns) % columns;
        same = angle_between(wanted.longitude[x], source.longitude[order[x]]) <= allowed;
      }
      if (!same) continue;
      if (first != 0 || direction != 1) map.columns = std::move(order);
      return map;
    }
  }
  return std::nullopt;
}

}  // namespace seqvit::data
