/// Sums of forecast errors over the points of a region: the additive part of every score.
///
/// When to use it: on each rank for its slab; the numbers are then added over ranks, a row of a region at a
/// time (region_rows.h). Cost: about 60 operations a point and region.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "evaluate/region_rows.h"

namespace seqvit::evaluate {

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
  ErrorSums(const grid::Grid& grid, std::vector<Region> regions) : rows_(grid, std::move(regions)) {}

  const std::vector<Region>& regions() const { return rows_.regions(); }
  /// Numbers a field takes: one set of sums for each row of each region.
  int64_t size() const { return rows_.segments() * kErrorSums; }
  /// Adds a field on rows [rows.begin, rows.end) to `sums`, which holds size() numbers. Additive over ranks.
  void add(const ForecastField& field, Range rows, std::span<double> sums) const;
  /// The sums of one region.
  StepSums total(std::span<const double> sums, int64_t region) const;

 private:
  RegionRows rows_;
};

}  // namespace seqvit::evaluate
