/// Where a run stands.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "train/spike_guard.h"

namespace seqvit::train {

/// What a run needs to go on besides weights and moments: the order of samples and drop path follow from
/// these and the seed. What checkpoints from before it was kept do not say is nullopt.
struct Progression {
  int64_t step = 0;  ///< optimizer steps done
  double best_validation_loss = std::numeric_limits<double>::infinity();
  std::optional<int64_t> best_step;     ///< at which it was found
  std::optional<int64_t> samples;       ///< taken so far: the position in their order
  std::optional<double> learning_rate;  ///< of the last step
  SpikeGuard::State spikes;             ///< where it is on
};

}  // namespace seqvit::train
