/// Run directories made of files alone, for tests that need no training.
#pragma once

#include <filesystem>
#include <string>

namespace seqvit::report {

/// Writes config.yaml (variables `t` and `name`), manifest.json and metrics.jsonl of `steps` steps, with a
/// validation every tenth of them, to `run`.
void write_run(const std::filesystem::path& run, int steps, const std::string& name = "u");

/// Writes scores.json for `t` and `name` at `leads` lead times of 6 h, 12 h, ..., over the whole grid and the
/// tropics, with spectra whose small scales have 0.5, 0.25, ... of the truth's power.
void write_scores(const std::filesystem::path& run, int leads, const std::string& name = "u");

}  // namespace seqvit::report
