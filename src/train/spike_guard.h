/// Lets a run live through a step that would ruin it (`train.skip_spikes`).
///
/// A step is admitted if its loss and the norm of its gradient are finite and, once kFirst steps were, each
/// is at most `factor` times its running mean over admitted steps (exponential, of kMemory steps). What is
/// not admitted changes no weight and no moment. Every rank decides alike, by sums over all ranks. The state
/// belongs to the run: a resumed one decides as an unbroken one.
#pragma once

#include <cstdint>

namespace seqvit::train {

class SpikeGuard {
 public:
  static constexpr int64_t kFirst = 20, kMemory = 50;
  /// So many in a row are no spike: the run has failed.
  static constexpr int64_t kMostInARow = 10;

  struct State {
    double loss = 0.0, norm = 0.0;  ///< running means
    int64_t admitted = 0;
    int64_t skipped = 0;   ///< so far
    int64_t in_a_row = 0;  ///< of those, since the last that was admitted
    friend bool operator==(const State&, const State&) = default;
  };

  /// `factor` 0: admits everything.
  explicit SpikeGuard(double factor) : factor_(factor) {}
  bool is_on() const { return factor_ > 0.0; }
  /// Whether the step may change the model; counts it.
  bool admits(double loss, double norm);
  bool has_failed() const { return state_.in_a_row >= kMostInARow; }

  const State& state() const { return state_; }
  void set(const State& state) { state_ = state; }

 private:
  double factor_;
  State state_;
};

}  // namespace seqvit::train
