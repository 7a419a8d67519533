#include "draw/map_axis.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/core.h>

namespace seqvit::draw {
namespace {

MapAxis make_axis(std::vector<double> coordinates) {
  MapAxis axis;
  axis.indices.resize(coordinates.size());
  std::iota(axis.indices.begin(), axis.indices.end(), 0);
  if (coordinates.front() > coordinates.back()) {
    std::reverse(coordinates.begin(), coordinates.end());
    std::reverse(axis.indices.begin(), axis.indices.end());
  }
  const size_t count = coordinates.size();
  const double first = count > 1 ? coordinates[1] - coordinates[0] : 1.0;
  const double last = count > 1 ? coordinates[count - 1] - coordinates[count - 2] : 1.0;
  axis.edges.push_back(coordinates.front() - first / 2);
  for (size_t i = 1; i < count; ++i)
    axis.edges.push_back((coordinates[i - 1] + coordinates[i]) / 2);
  axis.edges.push_back(coordinates.back() + last / 2);
  return axis;
}

std::string degrees_text(double degrees, const char* positive, const char* negative) {
  const char* side = degrees == 0.0 ? "" : degrees > 0 ? positive : negative;
  return fmt::format("{:g}\u00b0{}", std::abs(degrees), side);
}

}  // namespace

int64_t MapAxis::index_at(double coordinate) const {
  const auto above = std::upper_bound(edges.begin() + 1, edges.end() - 1, coordinate);
  return indices[above - edges.begin() - 1];
}

MapAxis latitude_axis(const std::vector<double>& latitude) {
  MapAxis axis = make_axis(latitude);
  axis.edges.front() = std::max(axis.edges.front(), -90.0);
  axis.edges.back() = std::min(axis.edges.back(), 90.0);
  return axis;
}

MapAxis longitude_axis(const std::vector<double>& longitude) {
  std::vector<double> unwrapped = longitude;
  for (size_t i = 1; i < unwrapped.size(); ++i)
    unwrapped[i] = unwrapped[i - 1] + std::remainder(longitude[i] - longitude[i - 1], 360.0);
  return make_axis(std::move(unwrapped));
}

MapAxis number_axis(int64_t count) {
  std::vector<double> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0.0);
  return make_axis(std::move(numbers));
}

std::vector<double> degree_ticks(double low, double high, int count) {
  for (const double step : {0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0}) {
    if (std::floor((high - low) / step) + 1 <= count) return multiples(low, high, step);
  }
  return multiples(low, high, 90.0);
}

std::string latitude_text(double degrees) {
  return degrees_text(degrees, "N", "S");
}

std::string longitude_text(double degrees) {
  const double east = std::remainder(degrees, 360.0);
  return std::abs(east) == 180.0 ? "180\u00b0" : degrees_text(east, "E", "W");
}

}  // namespace seqvit::draw
