/// Scores for programs (JSON) and for people (a table).
#pragma once

#include <span>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "evaluate/ensemble_scores.h"
#include "evaluate/scores.h"
#include "evaluate/spectra.h"

namespace seqvit::evaluate {

/// {"scores": [{variable, lead_hours, region, metric, value, persistence, climatology, low, high, units,
/// initial_times, points, with rmse_per_step over the whole grid also at_times and block}], "spectra":
/// [{variable, lead_hours, units, wavenumber, truth, forecast, rows, resolved, patch_edge_ratio,
/// small_scale_ratio}]}; NaN becomes null.
nlohmann::json scores_to_json(std::span<const Score> scores, std::span<const Spectrum> spectra);

/// The "global" scores of each variable, a line a lead time: initial times, valid points over them, RMSE of
/// model, persistence and climatology with the model's 95 % interval, skill against both, ACC, bias, MAE, the
/// ratio of power at small scales and that of jumps between patches.
std::string scores_table(std::span<const Score> scores, std::span<const Spectrum> spectra);

/// [{variable, lead_hours, members, frequency, outliers}] of the whole grid.
nlohmann::json rank_histograms_to_json(std::span<const RankHistogram> histograms);
/// The "global" scores of ensembles, a line a lead time: CRPS with interval, and spread over error, of model,
/// persistence and climatology; how often the truth lies outside of all members. Empty where there are none.
std::string ensemble_table(std::span<const Score> scores, std::span<const RankHistogram> histograms);

/// "24 h", "2 mon".
std::string lead_text(double hours);
/// Four significant digits, "-" for what is not defined.
std::string number_text(double value);

}  // namespace seqvit::evaluate
