#include "train/spike_guard.h"

#include <algorithm>
#include <cmath>

namespace seqvit::train {

bool SpikeGuard::admits(double loss, double norm) {
  if (!is_on()) return true;
  const bool knows = state_.admitted >= kFirst;
  const auto is_sane = [&](double value, double mean) {
    return std::isfinite(value) && !(knows && value > factor_ * mean);
  };
  if (!is_sane(loss, state_.loss) || !is_sane(norm, state_.norm)) {
    ++state_.skipped, ++state_.in_a_row;
    return false;
  }
  ++state_.admitted, state_.in_a_row = 0;
  const double part = 1.0 / static_cast<double>(std::min(state_.admitted, kMemory));
  state_.loss += part * (loss - state_.loss);
  state_.norm += part * (norm - state_.norm);
  return true;
}

}  // namespace seqvit::train
