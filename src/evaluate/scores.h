/// Scores of forecasts, from sums of errors.
///
/// Definitions are WeatherBench 2's (Rasp et al. 2024, arXiv 2308.15560, section 4), in physical units. At
/// each initial time a mean over space is taken, weighted by cell areas (grid::CellWeights) over *valid
/// points*; then a mean over the initial times that have a valid point. With e = forecast - truth, and ' the
/// anomaly from climatology:
///
///   rmse            sqrt(mean over time of the mean over space of e^2): the root comes last
///   rmse_per_step   mean over time of sqrt(mean over space of e^2)
///   mae, bias       mean of |e|, mean of e
///   acc             mean over time of  sum w f' o' / sqrt(sum w f'^2 sum w o'^2)
///   skill_persistence, skill_climatology    1 - MSE / MSE of the reference
///
/// Valid points are those where forecast, truth and persistence (the initial state) are all present, so that
/// model and persistence are compared at the same points. Where climatology is missing as well, the point
/// still counts for everything above but acc and skill_climatology, which have their own, smaller set of
/// points (for model and reference alike). The `climatology` column of the other metrics is given only if
/// that set is the same.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "evaluate/bootstrap.h"
#include "evaluate/error_sums.h"

namespace seqvit::evaluate {

/// One metric of one variable, lead time and region. NaN means "not defined" and becomes null in JSON.
struct Score {
  std::string variable;
  double lead_hours = 0;
  std::string region, metric;
  double value = 0;                         ///< of the model
  double persistence = 0, climatology = 0;  ///< the same metric of these two as forecasts
  double low = 0, high = 0;                 ///< 95 % interval of `value`, see Bootstrap
  std::string units;                        ///< of the variable, also for metrics that have none
  int64_t initial_times = 0;                ///< that entered `value`
  int64_t points = 0;                       ///< valid points of the grid at these times, added up
  /// Of rmse_per_step over the whole grid: what it is the mean of, in the order of initial times (NaN where
  /// not defined), so that two forecasts can be compared time by time; and Bootstrap's block.
  std::vector<double> at_times = {};
  int64_t block = 0;
};

/// All metrics of one variable, lead and region (named by `label`), from the sums at each initial time in
/// order.
std::vector<Score> compute_scores(const Score& label, std::span<const StepSums> steps,
                                  const Bootstrap& bootstrap);

}  // namespace seqvit::evaluate
