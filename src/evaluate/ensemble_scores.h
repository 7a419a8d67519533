/// Scores of ensembles, from sums over points (ensemble_sums.h), in physical units:
///
///   crps          mean over initial times of the mean over space of the fair CRPS; lower is better, of a
///                 single forecast it would be its mean absolute error
///   spread        sqrt(mean over time of the mean over space of the variance): what the error of the
///                 ensemble mean would be if the truth were one more member
///   spread_skill  spread / sqrt(mean over time of the mean over space of the ensemble mean's square error):
///                 1 is reliable, less is too sure of itself
///
/// and how often the truth has each of the M + 1 ranks among M members: even where nothing tells it from
/// them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "evaluate/bootstrap.h"
#include "evaluate/ensemble_sums.h"
#include "evaluate/scores.h"

namespace seqvit::evaluate {

/// Of one variable and lead time over the whole grid.
struct RankHistogram {
  std::string variable;
  double lead_hours = 0;
  int64_t members = 0;
  std::vector<double> frequency;  ///< of ranks 0 .. members, weighted by area; sums to 1

  /// How often the truth lies outside of all members, over how often it would of a reliable ensemble: 2 / (M
  /// + 1).
  double outliers() const;
};

/// crps, spread and spread_skill of one variable, lead and region (named by `label`), from
/// EnsembleSums::total at each initial time in order. A reference's are given where it is there at every
/// point that counts.
std::vector<Score> compute_ensemble_scores(const Score& label, std::span<const std::vector<double>> steps,
                                           const Bootstrap& bootstrap);

/// From the same of the whole grid; each initial time counts by its valid area.
RankHistogram compute_rank_histogram(const Score& label, std::span<const std::vector<double>> steps);

}  // namespace seqvit::evaluate
