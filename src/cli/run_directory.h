/// What every new run directory starts with, whoever makes it.
#pragma once

#include <filesystem>
#include <string>

#include "cli/command.h"
#include "train/experiment.h"
#include "train/mesh_model.h"

namespace seqvit::cli {

/// Where `--run` says, or runs/<name of the configuration's file>.
std::filesystem::path run_directory(const std::string& option, const std::string& config);

/// Statistics of the training period, computed (or found in the cache) by one rank: the others need not read
/// the period for it. Collective.
data::Statistics shared_statistics(const train::Experiment& experiment, comm::Comm& world);

/// Writes config.yaml, normalization.json and manifest.json (what made this run: enough to tell two runs
/// apart and to repeat one). Throws Error(checkpoint), or Error(usage) if the directory cannot be made.
void write_run_directory(const std::filesystem::path& run, const train::Experiment& experiment,
                         const train::MeshModel& model, const Invocation& invocation);

/// Removes what a training that was killed while it wrote the files above or the metrics has left. None may
/// be at work.
void remove_temporaries(const std::filesystem::path& run);

}  // namespace seqvit::cli
