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

namespace seqvit::train {

class Trainer {
 public:
  /// Collective. Without `run` nothing is written (benchmarks, verification). Throws Error(usage) where
  /// data.split.validation is set and too short for one sample.
  Trainer(const Experiment& experiment, comm::Mesh& mesh,
          std::optional<std::filesystem::path> run = std::nullopt);

  /// Continues from the newest whole checkpoint of the run directory, if there is one, or from that named
  /// `from` (see Checkpoints::to_resume): at the sample where it stood, whatever the batch was then. Newer
  /// checkpoints are set aside. Says where the learning rate jumps. Collective.
  void resume(const std::optional<std::string>& from = std::nullopt);
  /// Trains to train.steps, or to `stop_after` if that comes first; stops early on Ctrl-C or SIGTERM. Either
  /// way the last step is saved. A step without one valid target changes nothing; the first is warned of.
  /// Throws Error(not_finite) when loss, gradient, validation loss or a weight to be saved is not finite,
  /// Error(data) where the validation period, or an epoch of training, has no valid target.
  void run(std::optional<int64_t> stop_after = std::nullopt);

  /// One optimizer step.
  StepReport step();
  /// Loss over the validation period, by the averages of weights where there are some. Throws Error(data)
  /// where no target has a valid point in it.
  double validate();

  Learner& learner() { return learner_; }
  int64_t steps_done() const { return progression_.step; }
  /// Samples of the training period.
  int64_t samples() const { return std::ssize(samples_of(experiment_.train, 1)); }

 private:
  const Experiment& experiment_;
  const TrainConfig& config_;
  comm::Mesh& mesh_;
  std::optional<std::filesystem::path> run_;
  Learner learner_;
  data::BatchReader reader_;
  model::ModelShape shape_;
  std::vector<data::TrainingSample> validation_;  // all with the longest rollout, so that losses compare
  std::unique_ptr<data::Loader> loader_;
  int64_t rollout_ = 0;                   // of what loader_ reads
  std::optional<DeviceBatches> batches_;  // after the loader that it takes from
  Progression progression_;
  int64_t samples_without_target_ = 0;  // in a row
  bool said_without_target_ = false;
  bool stopping_ = false;  // some rank was asked to stop

  int64_t samples_taken() const { return progression_.samples.value_or(0); }
  /// Samples, maybe none, that feed the forecast back `rollout` steps.
  LearnerBatch to_tensors(const data::Batch& batch, int64_t rollout) const;
  std::vector<data::TrainingSample> samples_of(Range period, int64_t rollout) const;
  /// My part of the batch of the validation samples from `first` on.
  LearnerBatch validation_batch(int64_t first) const;
  Range my_validation(int64_t first) const;
  /// Throws as validate() does, without computing: else training would end so at its first validation.
  /// Collective.
  void check_validation();
  [[noreturn]] void fail_without_targets(const char* split, Range period) const;
  void watch_for_targets(const StepReport& report);
  void warn_of_another_rate() const;
  /// Says at the start what the longest rollout costs, which else would fail hours later for want of memory.
  void try_longest_rollout();
  void save(bool is_best);
  /// Validates; true where the loss is the lowest so far.
  bool validate_and_report(MetricsFile* metrics);
};

}  // namespace seqvit::train
