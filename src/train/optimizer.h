/// AdamW (Loshchilov & Hutter, arXiv 1711.05101) over this rank's shares of the weights, and the
/// learning-rate schedule.
#pragma once

#include <vector>

#include "core/config.h"
#include "parallel/param.h"

namespace seqvit::train {

/// Linear warm-up (its first step has rate / warmup_steps, its last the rate), then half a cosine that would
/// reach 0 at step TrainConfig::schedule(), one after the schedule's last, whose rate later steps keep.
/// `step` counts from 0.
double learning_rate(const TrainConfig& config, int64_t step);

class AdamW {
 public:
  /// Matrices decay, vectors (norms, biases, positions) do not.
  AdamW(std::vector<parallel::ParamGroup*> groups, const TrainConfig& config, comm::Comm& world);

  /// Norm of the whole gradient, over all ranks; gradients are scaled down to `max_norm` where it is larger
  /// (0: never).
  double clip(double max_norm);
  /// One update of my shares. `step` counts from 1.
  void step(int64_t step, double learning_rate);

  /// The moments of a section: first and second, shaped like Section::weight.
  struct Moments {
    Tensor first, second;
  };
  Moments& moments(size_t group, size_t section) { return moments_[2 * group + section]; }

 private:
  std::vector<parallel::ParamGroup*> groups_;
  TrainConfig config_;
  comm::Comm& world_;
  std::vector<Moments> moments_;
};

}  // namespace seqvit::train
