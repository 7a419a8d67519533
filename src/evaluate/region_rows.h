/// The points of regions, a grid row at a time: what sums that ranks add are made over.
///
/// Sums are kept a row of a region (a segment) at a time until ranks have added them: whichever rank holds a
/// row, totals have the same bits (a row that is cut between ranks adds in another order and may differ in
/// the last bits).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/partition.h"
#include "core/region.h"
#include "grid/cell_weights.h"
#include "grid/grid.h"

namespace seqvit::evaluate {

/// "global" (all points of the grid, whatever it covers), then `chosen`; where none are chosen, those of
/// tropics (|lat| <= 20), northern (lat >= 20) and southern (lat <= -20) that hold some but not all points of
/// the grid. Throws Error(usage) for a chosen one without a point of the grid.
std::vector<Region> regions_of(const grid::Grid& grid, const std::vector<Region>& chosen = {});

class RegionRows {
 public:
  RegionRows(const grid::Grid& grid, std::vector<Region> regions);

  const std::vector<Region>& regions() const { return regions_; }
  int64_t segments() const { return static_cast<int64_t>(segments_.size()); }

  /// f(segment, i, w) for every point of every segment in [rows.begin, rows.end) that `owned` ([rows, X],
  /// empty: all) does not leave out: i is its place on these rows, w the weight of its cell.
  template <typename Function>
  void for_each(Range rows, std::span<const float> owned, Function f) const {
    for (size_t s = 0; s < segments_.size(); ++s) {
      const int64_t row = segments_[s].row;
      if (!rows.contains(row)) continue;
      for (const int64_t x : *segments_[s].columns) {
        const int64_t i = (row - rows.begin) * columns_ + x;
        if (!owned.empty() && owned[i] == 0.0f) continue;
        f(static_cast<int64_t>(s), i, weights_(row, x));
      }
    }
  }

  /// The sums of a region, `total.size()` of them, from those of all segments, which stand one after another.
  void total(std::span<const double> sums, int64_t region, std::span<double> total) const;

 private:
  /// The points of a row that lie in a region.
  struct Segment {
    int64_t region, row;
    std::shared_ptr<const std::vector<int64_t>> columns;  // rows that have the same share them
  };
  int64_t columns_;
  grid::CellWeights weights_;
  std::vector<Region> regions_;
  std::vector<Segment> segments_;
};

}  // namespace seqvit::evaluate
