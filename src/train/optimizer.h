/// AdamW (Loshchilov & Hutter, arXiv 1711.05101) over this rank's shares of the weights, and the
/// learning-rate schedule.
#pragma once

#include <vector>

#include "core/train_config.h"
#include "parallel/param.h"

namespace seqvit::train {

/// Linear warm-up (its first step has rate / warmup_steps, its last the rate), then half a cosine that would
/// reach 0 at step TrainConfig::schedule(), one after the schedule's last, whose rate later steps keep.
/// `step` counts from 0.
double learning_rate(const TrainConfig& config, int64_t step);

/// Of the moving average of weights at step `step`, counted from 1: at first the plain mean of few steps, so
/// that initial values are soon forgotten.
double average_decay(const TrainConfig& config, int64_t step);

class AdamW {
 public:
  /// Matrices decay, vectors (norms, biases, positions) do not.
  AdamW(std::vector<parallel::ParamGroup*> groups, const TrainConfig& config, comm::Comm& world);

  /// Norm of the whole gradient, over all ranks; gradients are scaled down to `max_norm` where it is larger
  /// (0: never).
  double clip(double max_norm);
  /// One update of my shares. `step` counts from 1.
  void step(int64_t step, double learning_rate);

  /// Of a section, shaped like Section::weight: first and second moment, and the moving average of weights
  /// over steps (undefined without train.ema, and before the first step).
  struct Moments {
    Tensor first, second, average;
  };
  Moments& moments(size_t group, size_t section) { return moments_[2 * group + section]; }

  /// Whether there are averages: train.ema, and a step was made.
  bool has_averages() const { return !moments_.empty() && moments_[0].average.defined(); }
  bool keeps_averages() const { return config_.ema > 0.0; }
  /// My shares of the weights and of their averages change places; nothing is copied. The groups'
  /// publish_weights() must follow.
  void exchange_averages();

 private:
  std::vector<parallel::ParamGroup*> groups_;
  TrainConfig config_;
  comm::Comm& world_;
  std::vector<Moments> moments_;
};

}  // namespace seqvit::train
