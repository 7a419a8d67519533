/// The part of an evaluation that scores ensembles: what `evaluate` adds where there are several members.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "data/dataset.h"
#include "evaluate/ensemble_scores.h"
#include "evaluate/reference_ensemble.h"
#include "evaluate/rollout_plan.h"

namespace seqvit::evaluate {

/// Where references come from.
struct ReferenceSource {
  const data::Dataset& climatology;
  Range training;  ///< of its times
};

class EnsembleEvaluation {
 public:
  /// Of fields of `dataset`, by lead of the plan and variable (a position in `variables`, the data set's
  /// indices). References outlive this.
  EnsembleEvaluation(const data::Dataset& dataset, const ReferenceSource& source, const RolloutPlan& plan,
                     std::vector<int64_t> variables, const std::vector<Region>& regions, int64_t members);

  /// Numbers that a field adds to what ranks sum.
  int64_t message_size() const { return sums_.size(); }
  /// `members` [M][Y, X], truth and initial state on `rows`; `target`: the time index that the forecast is
  /// scored at.
  void add(int64_t lead, int64_t variable, int64_t target, EnsembleField field, Range rows,
           std::span<double> message) const;
  /// The next initial time's message, summed over ranks.
  void keep(int64_t lead, int64_t variable, std::span<const double> message);

  /// Of one field and region, appended.
  void append_scores(const Score& label, int64_t lead, int64_t variable, int64_t region,
                     const Bootstrap& bootstrap, std::vector<Score>& scores) const;
  RankHistogram histogram(const Score& label, int64_t lead, int64_t variable) const;

 private:
  const data::Dataset& dataset_;
  std::vector<int64_t> variables_;
  EnsembleSums sums_;
  std::vector<ReferenceEnsemble> references_;             // by lead
  std::vector<std::vector<std::vector<double>>> series_;  // [lead, variable, region] -> by initial time

  size_t series_index(int64_t lead, int64_t variable, int64_t region) const;
};

}  // namespace seqvit::evaluate
