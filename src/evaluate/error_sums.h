/// Sums of forecast errors over the points of a region: the additive part of every score.
///
/// When to use it: on each rank for its slab; the numbers are then added over ranks. They are kept a grid row
/// at a time until then: whichever rank holds a row, the scores have the same bits (a row that is cut between
/// ranks adds in another order and may differ in the last bits). Cost: about 60 operations a point and
/// region.
#pragma once

#include <array>
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

/// What a field adds to the scores. The first group is over valid points, the second over those with
/// climatology too.
enum ErrorSum : int {
  kWeight,
  kSquare,
  kAbsolute,
  kError,
  kPersistenceSquare,
  kPersistenceAbsolute,
  kPersistenceError,
  kClimWeight,
  kClimModelSquare,
  kClimPersistenceSquare,
  kClimSquare,
  kClimAbsolute,
  kClimError,
  kTruthPower,
  kModelPower,
  kModelProduct,
  kPersistencePower,
  kPersistenceProduct,
  kPoints,      ///< number of points of the first group
  kClimPoints,  ///< of the second
  kLost,        ///< number of points where only the forecast is missing or not finite
  kErrorSums
};
using StepSums = std::array<double, kErrorSums>;

/// One forecast field with all it is compared to, each [Y, X] on the same rows, NaN where missing.
struct ForecastField {
  std::span<const float> forecast, truth, persistence, climatology;
  std::span<const float> owned = {};  ///< 1 or 0 a point; empty: all count
};

/// Sums errors of a field over the rows of each region.
class ErrorSums {
 public:
  ErrorSums(const grid::Grid& grid, std::vector<Region> regions);

  const std::vector<Region>& regions() const { return regions_; }
  /// Numbers a field takes: one set of sums for each row of each region.
  int64_t size() const { return static_cast<int64_t>(segments_.size()) * kErrorSums; }
  /// Adds a field on rows [rows.begin, rows.end) to `sums`, which holds size() numbers. Additive over ranks.
  void add(const ForecastField& field, Range rows, std::span<double> sums) const;
  /// The sums of one region.
  StepSums total(std::span<const double> sums, int64_t region) const;

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
