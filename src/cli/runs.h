/// What `train` and `evaluate` do, for commands that do both.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/run_model.h"
#include "evaluate/scores.h"
#include "evaluate/spectra.h"

namespace seqvit {

/// Trains `config` in the run directory: from the start, or with `resume` from its newest checkpoint if there
/// is one. True when all steps are done. Throws Error(usage) if the run was made with other settings that
/// give its checkpoints their meaning. Collective.
bool train_run(const Config& config, const std::filesystem::path& run, bool resume,
               std::optional<int64_t> stop_after, const Invocation& invocation);

struct Evaluation {
  std::vector<Score> scores;
  std::vector<Spectrum> spectra;
  nlohmann::json json;  ///< as in scores.json
};
/// Scores a run's checkpoint over a period ("test", "validation", "train") and writes RUN/scores.json.
/// Collective; what it returns is whole on rank 0.
Evaluation evaluate_run(const RunOptions& options, const std::string& split, const Invocation& invocation);

}  // namespace seqvit
