/// A trained run opened for use: what evaluate and forecast share.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "cli/command.h"
#include "evaluate/ensemble.h"
#include "train/experiment.h"
#include "train/mesh_model.h"
#include "train/model_forecaster.h"

namespace seqvit::cli {

/// Which checkpoint of a run to use.
struct RunOptions {
  std::string run;
  std::string checkpoint =
      "best";           ///< best (newest where there was no validation), last, or a step-NNNNNNNN directory
  int64_t members = 1;  ///< of an ensemble
  double perturbation = 0.0;  ///< of its initial states, see evaluate::Ensemble
};

/// Adds RUN and --checkpoint to a command.
void add_run_options(CLI::App& command, RunOptions& options);

/// Adds --members and --perturbation.
void add_ensemble_options(CLI::App& command, RunOptions& options);

/// Hands the checkpoint's directory to `read`. Throws Error(checkpoint) if there is none; where `read` finds
/// the best one damaged, its error also names the others.
void read_checkpoint(const RunOptions& options, comm::Comm& world,
                     const std::function<void(const std::filesystem::path&)>& read);

class RunModel {
 public:
  /// Opens the run under the mesh of its configuration (with overrides) and loads the weights. Collective.
  RunModel(const RunOptions& options, const Invocation& invocation, train::Periods periods = {});

  train::Experiment& experiment() { return experiment_; }
  train::ModelForecaster& forecaster() { return forecaster_; }
  /// The ensemble that options ask for. Throws Error(usage) where its members would be the same.
  evaluate::Ensemble ensemble(const RunOptions& options) const;
  bool prints() const { return mesh_.world().rank() == 0; }
  int64_t step() const { return step_; }

 private:
  train::Experiment experiment_;
  comm::Mesh mesh_;
  train::MeshModel model_;
  train::ModelForecaster forecaster_;
  int64_t step_ = 0;
};

}  // namespace seqvit::cli
