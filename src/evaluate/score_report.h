/// Scores for programs (JSON) and for people (a table).
#pragma once

#include <span>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "evaluate/scores.h"

namespace seqvit {

/// {"scores": [{variable, lead_hours, region, metric, value, persistence, climatology, low, high, units,
/// initial_times}]}; NaN becomes null.
nlohmann::json scores_to_json(std::span<const Score> scores);

/// The "global" scores of each variable, a line a lead time: RMSE of model, persistence and climatology with
/// the model's 95 % interval, skill against both, ACC, bias and MAE.
std::string scores_table(std::span<const Score> scores);

/// "24 h", "2 mon".
std::string lead_text(double hours);
/// Four significant digits, "-" for what is not defined.
std::string number_text(double value);

}  // namespace seqvit
