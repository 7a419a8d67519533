#include "grid/partition.h"

#include <algorithm>

#include "core/error.h"

namespace seqvit::grid {

Slab make_slab(const TokenGrid& grid, int64_t index, int64_t count) {
  if (grid.units() < count) {
    fail(Exit::usage,
         "parallel.sp x parallel.tp = {}: the sequence has only {} parts to share out; use fewer ranks or a "
         "smaller patch",
         count, grid.units());
  }
  const Range units = share(grid.units(), index, count);
  auto touched = [](Range fine, int64_t ratio) {
    return Range{fine.begin / ratio, (fine.end + ratio - 1) / ratio};
  };
  Slab slab;
  slab.tokens = {units.begin * grid.tokens_per_unit, units.end * grid.tokens_per_unit};
  slab.patches = touched(slab.tokens, grid.tokens_per_patch);
  slab.patch_rows = touched(slab.patches, grid.patch_columns());
  slab.rows = {slab.patch_rows.begin * grid.patch_size,
               std::min(grid.rows, slab.patch_rows.end * grid.patch_size)};
  return slab;
}

std::vector<int64_t> token_counts(const TokenGrid& grid, int64_t count) {
  std::vector<int64_t> counts;
  for (int64_t index = 0; index < count; ++index)
    counts.push_back(make_slab(grid, index, count).tokens.size());
  return counts;
}

}  // namespace seqvit::grid
