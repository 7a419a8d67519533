#include "evaluate/picture_axis.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/core.h>

namespace seqvit::evaluate {
namespace {

constexpr double kExact = 9007199254740992.0;  // 2^53: above, k + 1 may be k
constexpr double kMostTicks = 1000.0;

PictureAxis make_axis(std::vector<double> coordinates) {
  PictureAxis axis;
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

/// None where they cannot be told apart, or are too many to be ticks.
std::vector<double> multiples(double low, double high, double step) {
  const double slack = 1e-9 * step;
  const double first = std::ceil((low - slack) / step), last = std::floor((high + slack) / step);
  if (!(first > -kExact && last < kExact && last - first < kMostTicks)) return {};
  std::vector<double> ticks;
  for (auto k = static_cast<int64_t>(first); k <= static_cast<int64_t>(last); ++k)
    ticks.push_back(static_cast<double>(k) * step + 0.0);
  return ticks;
}

std::string degrees_text(double degrees, const char* positive, const char* negative) {
  const char* side = degrees == 0.0 ? "" : degrees > 0 ? positive : negative;
  return fmt::format("{:g}{}", std::abs(degrees), side);
}

}  // namespace

int64_t PictureAxis::index_at(double coordinate) const {
  const auto above = std::upper_bound(edges.begin() + 1, edges.end() - 1, coordinate);
  return indices[above - edges.begin() - 1];
}

PictureAxis latitude_axis(const std::vector<double>& latitude) {
  PictureAxis axis = make_axis(latitude);
  axis.edges.front() = std::max(axis.edges.front(), -90.0);
  axis.edges.back() = std::min(axis.edges.back(), 90.0);
  return axis;
}

PictureAxis longitude_axis(const std::vector<double>& longitude) {
  std::vector<double> unwrapped = longitude;
  for (size_t i = 1; i < unwrapped.size(); ++i)
    unwrapped[i] = unwrapped[i - 1] + std::remainder(longitude[i] - longitude[i - 1], 360.0);
  return make_axis(std::move(unwrapped));
}

std::vector<double> round_ticks(double low, double high, int count) {
  if (!(low < high)) return {};
  const double wanted = (high - low) / count;
  const double power = std::pow(10.0, std::floor(std::log10(wanted)));
  const double digit = wanted / power;
  return multiples(low, high, power * (digit < 1.5 ? 1 : digit < 3.5 ? 2 : digit < 7.5 ? 5 : 10));
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
  return std::abs(east) == 180.0 ? "180" : degrees_text(east, "E", "W");
}

std::vector<std::string> tick_texts(const std::vector<double>& ticks) {
  const double step = ticks.size() > 1 ? ticks[1] - ticks[0] : 1.0;
  double largest = 0;
  for (const double tick : ticks)
    largest = std::max(largest, std::abs(tick));
  int digits = 0;  // as many as it takes to tell a step of 0.25 from one of 0.2
  for (double rest = step; digits <= 4 && std::abs(rest - std::round(rest)) > 1e-6 * step; rest *= 10)
    ++digits;
  std::vector<std::string> texts;
  for (const double tick : ticks) {
    texts.push_back(digits > 4 || largest >= 1e6 ? fmt::format("{:.3g}", tick)
                                                 : fmt::format("{:.{}f}", tick, digits));
  }
  return texts;
}

}  // namespace seqvit::evaluate
