/// Settings of section `train`.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/kinds.h"

namespace seqvit {

enum class LevelWeights { none, pressure };
enum class Loss { mse, crps };

struct TrainConfig {
  int64_t steps = 1000;
  int64_t schedule_steps = 0;  ///< see schedule(); 0: steps
  int64_t batch_size = 8;      ///< samples of one optimizer step over all ranks
  int64_t micro_batches = 1;
  double learning_rate = 5e-4;
  int64_t warmup_steps = 100;
  double weight_decay = 1e-5;
  std::vector<double> betas = {0.9, 0.95};
  double max_grad_norm = 1.0;
  Precision precision = Precision::fp32;
  uint64_t seed = 0;
  Loss loss = Loss::mse;
  int64_t members = 1;             ///< forecasts of each sample that `crps` compares
  std::vector<std::string> leads;  ///< lead times to learn, multiples of data.lead_time; empty: that alone
  /// Steps that the forecast is fed back, one number for each equal part of training.
  std::vector<int64_t> rollout_steps = {1};
  std::map<std::string, double> target_weights;     ///< of a target's squared error; 1 if not named
  LevelWeights level_weights = LevelWeights::none;  ///< factors of those by level
  double ema = 0.0;                                 ///< decay of the moving average of weights; 0: none
  double skip_spikes = 0.0;                         ///< see SpikeGuard; 0: never
  bool roll_longitude = false;  ///< each sample's fields are rolled by a random longitude, statics included
  int64_t checkpoint_every = 500, validate_every = 500;
  int64_t validation_samples = 256;  ///< evenly spaced over the validation period; 0: all
  int64_t keep_checkpoints = 2;      ///< newest ones kept besides the best

  /// Steps that learning rate and rollout_steps are spread over; after them both stay as at the last.
  int64_t schedule() const { return schedule_steps > 0 ? schedule_steps : steps; }
  /// Forecasts of a step, all ranks': samples x members.
  int64_t forecasts() const { return batch_size * members; }
  /// The part of rollout_steps that step `step`, counted from 0, belongs to.
  int64_t rollout_at(int64_t step) const;
  int64_t longest_rollout() const;
};

}  // namespace seqvit
