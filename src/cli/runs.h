/// What `train` and `evaluate` do, for commands that do both.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/run_model.h"
#include "evaluate/ensemble_scores.h"
#include "evaluate/scores.h"
#include "evaluate/spectra.h"

namespace seqvit::cli {

/// Where a training begins and ends.
struct TrainSpan {
  bool resume = false;                ///< go on from the newest whole checkpoint, if there is one
  std::optional<std::string> from;    ///< of a resume: from this checkpoint, which must be there
  std::optional<int64_t> stop_after;  ///< save and end after this step
};

/// Trains `config` in the run directory. True when all steps are done. Throws Error(usage) if the run was
/// made with other settings that give its checkpoints their meaning. Collective.
bool train_run(const Config& config, const std::filesystem::path& run, const TrainSpan& span,
               const Invocation& invocation);

struct Evaluation {
  std::vector<evaluate::Score> scores;
  std::vector<evaluate::Spectrum> spectra;
  std::vector<evaluate::RankHistogram> rank_histograms;
  nlohmann::json json;  ///< as in scores.json
  std::string period;   ///< for messages: "data.split.test, 2014-07-03T00 to 2014-12-31T18"
  double lost = 0.0;    ///< see EvaluationResult
};
/// Scores a run's checkpoint over a period ("test", "validation", "train"), against the climatology in a file
/// where one is named, and writes RUN/scores.json and scores.nc. Collective; what it returns is whole on rank
/// 0.
Evaluation evaluate_run(const RunOptions& options, const std::string& split, const Invocation& invocation,
                        const std::string& climatology_file = "");
/// Throws where a variable has no score over the whole grid at some lead time: Error(data), naming it and the
/// period, where no point of it is valid; Error(not_finite) where its forecasts are not finite.
void check_scored(const Evaluation& evaluation);

}  // namespace seqvit::cli
