#include "evaluate/error_sums.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace seqvit::evaluate {

namespace {

bool holds_a_point(const Region& region, const grid::Grid& grid) {
  return std::any_of(grid.latitude.begin(), grid.latitude.end(),
                     [&](double latitude) { return region.contains(latitude, region.west); }) &&
         std::any_of(grid.longitude.begin(), grid.longitude.end(),
                     [&](double longitude) { return region.contains(region.south, longitude); });
}

}  // namespace

std::vector<Region> regions_of(const grid::Grid& grid, const std::vector<Region>& chosen) {
  std::vector<Region> regions = {{"global"}};
  for (const Region& region : chosen) {
    if (!holds_a_point(region, grid)) {
      const auto [south, north] = std::minmax(grid.latitude.front(), grid.latitude.back());
      fail(Exit::usage,
           "evaluate.regions: {} holds no point of the grid, which has latitudes from {:g} to {:g} and "
           "longitudes from {:g} to {:g}",
           region.name, south, north, grid.longitude.front(), grid.longitude.back());
    }
    regions.push_back(region);
  }
  if (!chosen.empty()) return regions;
  for (const Region& region :
       {Region{"tropics", -20, 20}, Region{"northern", 20, 90}, Region{"southern", -90, -20}}) {
    int64_t rows = 0;
    for (const double latitude : grid.latitude)
      rows += region.contains(latitude, 0) ? 1 : 0;
    if (rows > 0 && rows < grid.rows()) regions.push_back(region);
  }
  return regions;
}

ErrorSums::ErrorSums(const grid::Grid& grid, std::vector<Region> regions)
    : columns_(grid.columns()), row_weights_(grid.row_weights()), regions_(std::move(regions)) {
  for (size_t r = 0; r < regions_.size(); ++r) {
    const Region& region = regions_[r];
    std::vector<int64_t>& columns = region_columns_.emplace_back();
    for (int64_t x = 0; x < columns_; ++x) {
      if (region.contains(region.south, grid.longitude[x])) columns.push_back(x);
    }
    for (int64_t y = 0; y < grid.rows(); ++y) {
      if (region.contains(grid.latitude[y], region.west)) segments_.push_back({static_cast<int64_t>(r), y});
    }
  }
}

void ErrorSums::add(const ForecastField& field, Range rows, std::span<double> sums) const {
  check(static_cast<int64_t>(sums.size()) == size(), "sums of a field have the wrong size");
  for (size_t s = 0; s < segments_.size(); ++s) {
    const auto [region, row] = segments_[s];
    if (!rows.contains(row)) continue;
    double* sum = sums.data() + s * kErrorSums;
    const double w = row_weights_[row];
    for (const int64_t x : region_columns_[region]) {
      const int64_t i = (row - rows.begin) * columns_ + x;
      if (!field.owned.empty() && field.owned[i] == 0.0f) continue;
      const double f = field.forecast[i], o = field.truth[i], p = field.persistence[i],
                   c = field.climatology[i];
      if (!std::isfinite(o) || !std::isfinite(p)) continue;
      if (!std::isfinite(f)) {
        sum[kLost] += 1;
        continue;
      }
      sum[kWeight] += w;
      sum[kSquare] += w * (f - o) * (f - o);
      sum[kAbsolute] += w * std::abs(f - o);
      sum[kError] += w * (f - o);
      sum[kPersistenceSquare] += w * (p - o) * (p - o);
      sum[kPersistenceAbsolute] += w * std::abs(p - o);
      sum[kPersistenceError] += w * (p - o);
      if (!std::isfinite(c)) continue;
      sum[kClimWeight] += w;
      sum[kClimModelSquare] += w * (f - o) * (f - o);
      sum[kClimPersistenceSquare] += w * (p - o) * (p - o);
      sum[kClimSquare] += w * (c - o) * (c - o);
      sum[kClimAbsolute] += w * std::abs(c - o);
      sum[kClimError] += w * (c - o);
      sum[kTruthPower] += w * (o - c) * (o - c);
      sum[kModelPower] += w * (f - c) * (f - c);
      sum[kModelProduct] += w * (f - c) * (o - c);
      sum[kPersistencePower] += w * (p - c) * (p - c);
      sum[kPersistenceProduct] += w * (p - c) * (o - c);
    }
  }
}

StepSums ErrorSums::total(std::span<const double> sums, int64_t region) const {
  StepSums total{};
  for (size_t s = 0; s < segments_.size(); ++s) {
    if (segments_[s].region != region) continue;
    for (int k = 0; k < kErrorSums; ++k)
      total[k] += sums[s * kErrorSums + k];
  }
  return total;
}

}  // namespace seqvit::evaluate
