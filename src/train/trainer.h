/// Training: the step, on one screen, and the loop around it (validation, checkpoints, metrics, an orderly
/// stop).
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "data/loader.h"
#include "train/checkpoint.h"
#include "train/device_batches.h"
#include "train/experiment.h"
#include "train/learner.h"
#include "train/metrics.h"

namespace seqvit {

class Trainer {
 public:
  /// Collective. Without `run` nothing is written (benchmarks, verification).
  Trainer(const Experiment& experiment, Mesh& mesh, std::optional<std::filesystem::path> run = std::nullopt);

  /// Continues from the newest checkpoint of the run directory, if there is one. Collective.
  void resume();
  /// Trains to train.steps, or to `stop_after` if that comes first; stops early on Ctrl-C or SIGTERM. Either
  /// way the last step is saved. Throws Error(not_finite) when loss or gradient is not finite.
  void run(std::optional<int64_t> stop_after = std::nullopt);

  /// One optimizer step.
  StepReport step();
  /// Loss over the validation period.
  double validate();

  Learner& learner() { return learner_; }
  int64_t steps_done() const { return progression_.step; }
  /// Samples of the training period.
  int64_t samples() const { return std::ssize(samples_of(experiment_.train, 1)); }

 private:
  const Experiment& experiment_;
  const TrainConfig& config_;
  Mesh& mesh_;
  std::optional<std::filesystem::path> run_;
  Learner learner_;
  BatchReader reader_;
  int64_t inputs_;
  std::vector<TrainingSample> validation_;  // all with the longest rollout, so that losses compare
  std::unique_ptr<Loader> loader_;
  int64_t rollout_ = 0;                   // of what loader_ reads
  std::optional<DeviceBatches> batches_;  // after the loader that it takes from
  Progression progression_;
  bool stopping_ = false;  // some rank was asked to stop

  /// Samples, maybe none, that feed the forecast back `rollout` steps.
  LearnerBatch to_tensors(const Batch& batch, int64_t rollout) const;
  std::vector<TrainingSample> samples_of(Range period, int64_t rollout) const;
  /// Says at the start what the longest rollout costs, which else would fail hours later for want of memory.
  void try_longest_rollout();
  void save(bool is_best);
};

}  // namespace seqvit
