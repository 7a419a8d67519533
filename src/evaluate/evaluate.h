/// Rolls a forecaster out from every initial time of a period and scores it against the data, persistence and
/// climatology. Of an ensemble the scores of single forecasts are those of its mean, spectra those of its
/// first member (a mean is smooth), and there are scores of its own (ensemble_scores.h).
///
/// Cost: one rollout to the longest lead time from each initial time; each field of the period is read about
/// (longest lead / batch size) + 2 times, mostly from the data set's cache. Memory: the states of one batch,
/// the climatology (see climatology.h), the spectra (see spectra.h) and 168 bytes for each initial time,
/// lead, variable and region.
#pragma once

#include <cstdint>
#include <vector>

#include "data/dataset.h"
#include "data/samples.h"
#include "evaluate/climatology_file.h"
#include "evaluate/ensemble.h"
#include "evaluate/ensemble_scores.h"
#include "evaluate/forecaster.h"
#include "evaluate/rollout_plan.h"
#include "evaluate/score_report.h"
#include "evaluate/scores.h"
#include "evaluate/spectra.h"

namespace seqvit::evaluate {

struct EvaluateOptions {
  Range period;                       ///< time indices; initial and valid times both lie in it
  std::vector<data::LeadTime> leads;  ///< multiples of the forecaster's lead time, in any order
  int64_t stride = 1;                 ///< every stride-th initial time is used
  int64_t batch_size = 8;  ///< states advanced together: initial times x members, but all members of a time
  std::vector<int64_t> variables;  ///< indices into Dataset::variables() to score; empty: all
  uint64_t seed = 0;               ///< of the confidence intervals
  /// The data that climatology is made of: `training` counts its times. nullptr: those that are scored.
  const data::Dataset* climatology_data = nullptr;
  Ensemble ensemble;  ///< scored as one where it has several members
  /// Climatology from a file, of `variables`, in place of a computed one.
  const ClimatologyFile* climatology_file = nullptr;
  std::vector<Region> regions;  ///< besides the whole grid; empty: those of regions_of
};

/// What an evaluation finds.
struct EvaluationResult {
  std::vector<Score> scores;                   ///< by variable, lead, region and metric, in this order
  std::vector<Spectrum> spectra;               ///< by variable and lead; without those that have no whole row
  std::vector<RankHistogram> rank_histograms;  ///< by variable and lead; of ensembles
  double lost = 0;  ///< points left out because the forecast is missing or not finite there
};

/// Scores and spectra, the same on every rank. `training` is the period that climatology is made of (none
/// from fewer than 30 days), `model_lead` what one step of the forecaster advances. Initial times differ
/// between leads: each lead uses all whose valid time lies in the period. Collective. Throws Error(usage) for
/// a lead that is no multiple of `model_lead` or a period without a pair of times, Error(data) if the files
/// cannot be read, Error(success) when a signal asked to stop.
EvaluationResult evaluate(const data::Dataset& dataset, Range training, const data::LeadTime& model_lead,
                          Forecaster& forecaster, const EvaluateOptions& options);

/// Whether the training period is long enough for a climatology: fewer than 30 days are a few weathers, and
/// anomalies from them would flatter or damn by chance.
bool spans_a_month(const data::Dataset& dataset, Range training);

/// Throws Error(success) on every rank if a signal has asked any of them to stop. Collective.
void stop_together(Forecaster& forecaster);

}  // namespace seqvit::evaluate
