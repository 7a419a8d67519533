#include "evaluate/region_rows.h"

#include <algorithm>

#include "core/error.h"

namespace seqvit::evaluate {
namespace {

/// Columns of a row whose points lie in the region.
std::vector<int64_t> columns_inside(const Region& region, const grid::Grid& grid, int64_t row) {
  std::vector<int64_t> columns;
  for (int64_t x = 0; x < grid.columns(); ++x) {
    if (region.whole() || region.contains(grid.latitude_at(row, x), grid.longitude_at(row, x)))
      columns.push_back(x);
  }
  return columns;
}

int64_t points_inside(const Region& region, const grid::Grid& grid) {
  int64_t points = 0;
  for (int64_t y = 0; y < grid.rows(); ++y)
    points += std::ssize(columns_inside(region, grid, y));
  return points;
}

}  // namespace

std::vector<Region> regions_of(const grid::Grid& grid, const std::vector<Region>& chosen) {
  std::vector<Region> regions = {{"global"}};
  for (const Region& region : chosen) {
    if (!grid.on_earth())
      fail(Exit::usage, "evaluate.regions: {}: the grid has no latitudes and longitudes; leave it out",
           region.name);
    if (points_inside(region, grid) == 0) {
      fail(Exit::usage, "evaluate.regions: {} holds no point of the grid, which has {}", region.name,
           grid.extent_text());
    }
    regions.push_back(region);
  }
  if (!chosen.empty() || !grid.on_earth()) return regions;
  for (const Region& region :
       {Region{"tropics", -20, 20}, Region{"northern", 20, 90}, Region{"southern", -90, -20}}) {
    const int64_t points = points_inside(region, grid);
    if (points > 0 && points < grid.points()) regions.push_back(region);
  }
  return regions;
}

RegionRows::RegionRows(const grid::Grid& grid, std::vector<Region> regions)
    : columns_(grid.columns()), weights_(grid), regions_(std::move(regions)) {
  for (size_t r = 0; r < regions_.size(); ++r) {
    std::shared_ptr<const std::vector<int64_t>> last;
    for (int64_t y = 0; y < grid.rows(); ++y) {
      std::vector<int64_t> columns = columns_inside(regions_[r], grid, y);
      if (columns.empty()) continue;
      if (last == nullptr || *last != columns)
        last = std::make_shared<std::vector<int64_t>>(std::move(columns));
      segments_.push_back({static_cast<int64_t>(r), y, last});
    }
  }
}

void RegionRows::total(std::span<const double> sums, int64_t region, std::span<double> total) const {
  std::fill(total.begin(), total.end(), 0.0);
  for (size_t s = 0; s < segments_.size(); ++s) {
    if (segments_[s].region != region) continue;
    for (size_t k = 0; k < total.size(); ++k)
      total[k] += sums[s * total.size() + k];
  }
}

}  // namespace seqvit::evaluate
