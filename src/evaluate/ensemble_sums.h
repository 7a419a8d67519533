/// Sums of an ensemble's scores over the points of regions, the additive part of every one of them; as
/// ErrorSums has those of single forecasts.
///
/// At a point with truth o and members x_1 .. x_M, weighted by the cell's area:
///
///   CRPS, fair  1/M sum |x_i - o| - 1/(2 M (M-1)) sum sum |x_i - x_j|: unbiased of an endless ensemble of
///               which these are a sample, so ensembles of any size compare (Ferro 2014, Q. J. R. Meteorol.
///               Soc. 140, 1917-1923)
///   variance    (M+1)/M 1/(M-1) sum (x_i - mean)^2: what (mean - o)^2 is on average if o is one more member
///               (Fortin et al. 2014, J. Hydrometeor. 15, 1708-1713)
///   square      (mean - o)^2
///   rank        how many members lie below o; where some equal it, all ranks that could be meant get equal
///               parts
///
/// Points count where truth, initial state and all members are there; for a reference where its members are
/// there too. Cost: a sort of M numbers a point.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "evaluate/region_rows.h"

namespace seqvit::evaluate {

enum EnsembleSum : int { kEnsembleWeight, kCrps, kVariance, kMeanSquare };
/// The model, then what it is held against.
enum EnsembleKind : int { kModelEnsemble, kPersistenceEnsemble, kClimatologyEnsemble };
constexpr size_t kEnsembleSums = 4, kEnsembleKinds = 3;

/// Members [M][Y, X] of each kind on the same rows, NaN where missing; of a reference fewer than 2: there is
/// none.
struct EnsembleField {
  std::vector<std::vector<float>> members[kEnsembleKinds];
  std::span<const float> truth, initial;
  std::span<const float> owned = {};  ///< 1 or 0 a point; empty: all count
};

class EnsembleSums {
 public:
  /// Of `members` >= 2 of the model.
  EnsembleSums(const grid::Grid& grid, std::vector<Region> regions, int64_t members)
      : rows_(grid, std::move(regions)), members_(members) {}

  const std::vector<Region>& regions() const { return rows_.regions(); }
  int64_t members() const { return members_; }
  /// Numbers of a region: kEnsembleSums of each kind, then the weight of each of the members() + 1 ranks.
  int64_t numbers() const { return int64_t{kEnsembleKinds * kEnsembleSums} + members_ + 1; }
  /// Numbers a field takes.
  int64_t size() const { return rows_.segments() * numbers(); }
  /// Adds a field on rows [rows.begin, rows.end) to `sums`, which holds size() numbers. Additive over ranks.
  void add(const EnsembleField& field, Range rows, std::span<double> sums) const;
  /// Those of one region.
  std::vector<double> total(std::span<const double> sums, int64_t region) const;

 private:
  RegionRows rows_;
  int64_t members_;
};

}  // namespace seqvit::evaluate
