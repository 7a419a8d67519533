/// What a run directory says of itself, read from its files without opening data or weights.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "core/config.h"
#include "evaluate/ensemble_scores.h"
#include "evaluate/scores.h"
#include "evaluate/spectra.h"

namespace seqvit::report {

/// A step's line of metrics.jsonl.
struct StepMetrics {
  int64_t step = 0;
  double loss = 0, learning_rate = 0, grad_norm = 0;
  double seconds = 0, data_seconds = 0;  ///< of the step; of that, waiting for data
  double tokens_per_second = 0, rss_bytes = 0;
};

struct ValidationMetrics {
  int64_t step = 0;
  double loss = 0;
};

/// manifest.json.
struct Manifest {
  std::string version, libtorch, command, kernel;
  int64_t threads = 0, tokens = 0, parameters = 0;
  std::vector<std::pair<std::string, std::string>> checksums;  ///< data file, XXH3
};

struct RunRecord {
  std::filesystem::path directory;
  Config config;
  std::string config_text;  ///< config.yaml as it stands
  Manifest manifest;
  std::vector<StepMetrics> steps;
  std::vector<ValidationMetrics> validations;
  std::vector<evaluate::Score> scores;
  std::vector<evaluate::Spectrum> spectra;
  std::vector<evaluate::RankHistogram> rank_histograms;  ///< of an ensemble
  std::string scored_split;
  int64_t scored_step = 0;  ///< of the checkpoint that was scored
};

/// Reads config.yaml, which must be there, and what there is of manifest.json, metrics.jsonl and scores.json.
/// A last line of metrics.jsonl that is still being written is left out. Throws Error(usage) if `directory`
/// is no run, Error(checkpoint) naming a file that is damaged.
RunRecord read_run(const std::filesystem::path& directory);

}  // namespace seqvit::report
