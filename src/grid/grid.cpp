#include "grid/grid.h"

#include <cmath>
#include <numbers>
#include <numeric>

namespace seqvit::grid {

bool Grid::periodic() const {
  if (columns() < 2) return false;
  const double spacing = std::abs(longitude.back() - longitude.front()) / static_cast<double>(columns() - 1);
  return std::abs(spacing * static_cast<double>(columns()) - 360.0) < 0.01 * spacing;
}

std::vector<double> Grid::row_weights() const {
  std::vector<double> weights(latitude.size());
  for (size_t y = 0; y < weights.size(); ++y)
    weights[y] = std::cos(latitude[y] * std::numbers::pi / 180.0);
  const double mean =
      std::accumulate(weights.begin(), weights.end(), 0.0) / static_cast<double>(weights.size());
  for (double& weight : weights)
    weight /= mean;
  return weights;
}

}  // namespace seqvit::grid
