#include "grid/neighbourhood.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

namespace seqvit::grid {

Neighbourhood::Neighbourhood(const TokenGrid& grid, bool periodic, int64_t index, int64_t count)
    : rows_(grid.patch_rows()),
      columns_(grid.patch_columns()),
      members_(grid.tokens_per_patch / grid.tokens_per_unit),
      periodic_(periodic),
      mine_(share(grid.units(), index, count)) {
  // A window reaches no further than this along the sequence: to the other end of the next row.
  const int64_t reach = (periodic ? 2 * columns_ - 1 : columns_ + 1) * members_;
  interior_.begin = mine_.begin == 0 ? 0 : std::min(reach, size());
  interior_.end = mine_.end == grid.units() ? size() : std::max(interior_.begin, size() - reach);

  std::map<int64_t, std::vector<int64_t>> given;  // by rank, in the order of units
  for (const Range ends : {Range{0, interior_.begin}, Range{interior_.end, size()}}) {
    Walk at = start(ends.begin);
    for (int64_t unit = ends.begin; unit < ends.end; ++unit, next(at)) {
      for (const int64_t neighbour : positions(at)) {
        if (mine_.contains(neighbour)) continue;
        halo_.push_back(neighbour);
        std::vector<int64_t>& units = given[share_of(grid.units(), neighbour, count)];
        if (units.empty() || units.back() != unit) units.push_back(unit);
      }
    }
  }
  std::ranges::sort(halo_);
  halo_.erase(std::unique(halo_.begin(), halo_.end()), halo_.end());
  for (auto& [rank, units] : given) {
    const Range theirs = share(grid.units(), rank, count);
    const auto first = std::lower_bound(halo_.begin(), halo_.end(), theirs.begin),
               last = std::lower_bound(halo_.begin(), halo_.end(), theirs.end);
    peers_.push_back({rank, std::move(units), last - first});
  }
}

}  // namespace seqvit::grid
