/// What a step reports: metrics.jsonl for programs, events for TensorBoard, a progress line for people.
#pragma once

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "train/event_file.h"

namespace seqvit::train {

struct StepReport {
  int64_t step = 0;            ///< counts from 1
  int64_t samples = 0;         ///< taken from the data so far
  std::optional<double> loss;  ///< nullopt: no target of the step has a valid point; it changed nothing
  double learning_rate = 0, grad_norm = 0;
  int64_t skipped = 0;                   ///< steps so far that train.skip_spikes let change nothing
  double seconds = 0, data_seconds = 0;  ///< of the step; of that, until its batch was there
  double tokens_per_second = 0;
};

/// metrics.jsonl of a run: one line a step, one a validation; the same as scalars in an event file. Of a step
/// without loss, loss and gradient norm are null, and left out of the events.
class MetricsFile {
 public:
  /// Opens for appending after dropping every line of a step later than `last_step` (those are done again),
  /// and begins a new event file.
  MetricsFile(const std::filesystem::path& run, int64_t last_step);
  void write(const StepReport& report);
  void write_validation(int64_t step, double loss);

 private:
  std::filesystem::path path_;
  std::ofstream out_;
  EventFile events_;
  void line(const std::string& text);
};

/// "step 120/1000  loss 0.1234  12,345 tokens/s  3 min 20 s left".
std::string progress_text(const StepReport& report, int64_t steps, double seconds_left);

}  // namespace seqvit::train
