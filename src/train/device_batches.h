/// Batches as tensors where a step needs them.
///
/// On the CPU `next` makes the batch when it is asked for: no thread, no copy beyond the one that a tensor of
/// its own needs. For a GPU the batch after it is made at the same time on a thread of its own: into pinned
/// host memory, then, on a stream of its own, to the device, while the step computes. What the caller queues
/// on its current stream after `next` waits for the batch by an event; the host does not wait.
#pragma once

#include <functional>
#include <future>
#include <optional>

#include <c10/core/Event.h>

#include "train/learner.h"

namespace seqvit::train {

class DeviceBatches {
 public:
  /// `make` gives the next batch at every call, made with ops/to_device.h; from one thread at a time, though
  /// not always the same if `ahead`, and one call more than batches are taken. What it uses must outlive
  /// this.
  DeviceBatches(std::function<LearnerBatch()> make, c10::Device device)
      : DeviceBatches(std::move(make), device, !device.is_cpu()) {}
  DeviceBatches(std::function<LearnerBatch()> make, c10::Device device, bool ahead);

  /// Rethrows what `make` threw, at the call whose batch it is.
  LearnerBatch next();

 private:
  struct Made {
    LearnerBatch batch;
    std::optional<c10::Event> copied;  ///< on a GPU
  };
  Made make_on_stream() const;
  std::future<Made> start();

  std::function<LearnerBatch()> make_;
  c10::Device device_;
  bool ahead_;
  std::optional<c10::Stream> stream_;  ///< of the copies, on a GPU
  std::future<Made> next_;             ///< last: its end is waited for before what it uses is destroyed
};

}  // namespace seqvit::train
