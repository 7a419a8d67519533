/// The climatology that belongs to a run: made of the period that it was trained on, once, and kept in the
/// run directory, so that files of other years are scored against it when the training data are no longer at
/// hand.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "cli/command.h"
#include "evaluate/climatology_file.h"
#include "train/experiment.h"

namespace seqvit::cli {

/// How names of climatologies begin that are being written: by evaluations, of which there may be several,
/// and by the training, which has the run to itself.
inline constexpr const char *kClimatologyTemporary = ".climatology.",
                            *kTrainedClimatologyTemporary = ".climatology.train";

/// What scores are compared with: a file, or a period of a data set.
struct RunClimatology {
  std::unique_ptr<evaluate::ClimatologyFile> file;
  std::unique_ptr<data::Dataset> dataset;  ///< the training data; nullptr: those of the evaluation
  /// Of its times; empty where there is a file and nobody asked for them, or they cannot be read.
  Range training;

  /// For scores.json: {"file", "of"}, or null.
  nlohmann::json describe() const;
};

/// The file `given`, else the run's own, which is made where it is missing, or not of this training period,
/// and the training data can be read. `with_training_data`: beside a file too, for ensembles made of them.
/// Collective. Throws Error(data) for a file that does not fit the data, Error(success) when a signal asked
/// to stop.
RunClimatology climatology_of(const std::filesystem::path& run, const train::Experiment& experiment,
                              evaluate::Forecaster& forecaster, const Invocation& invocation,
                              const std::string& given, bool with_training_data);

/// At the end of a training: makes the run's own from the data of `experiment`, unless it is there. One that
/// is too large, or cannot be written, is no error. Collective.
void keep_climatology(const std::filesystem::path& run, const train::Experiment& experiment,
                      evaluate::Forecaster& forecaster, const Invocation& invocation);

}  // namespace seqvit::cli
