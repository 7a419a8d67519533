/// Normalised batches, read ahead by a background thread.
///
/// The loader knows no communicator: it is told which samples of the batch and which rows of the grid are its
/// own.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <vector>

#include "data/dataset.h"
#include "data/samples.h"
#include "data/statistics.h"

namespace seqvit::data {

/// Fields of samples, row-major. B samples, V inputs (variables; those of the state one, two, ... lead times
/// before; statics), K steps, T targets, F forcings, Y X rows and columns of the slab.
struct Batch {
  std::vector<TrainingSample> samples;
  std::vector<float> input;  ///< [B, V, Y, X] normalised; NaN where missing, and for diagnostics
  /// [B, K - 1, F, Y, X] normalised: of steps but the first, whose forcings are inputs.
  std::vector<float> forced;
  std::vector<float> target;  ///< [B, K, T, Y, X] normalised; NaN where missing
};

struct LoaderOptions {
  std::vector<int64_t> targets;  ///< indices into Dataset::variables()
  bool tendency = true;  ///< the target of step k is x(t + k lead) - x(t), scaled as one step's is, instead
                         ///< of x(t + k lead)
  Range rows;            ///< my slab of the grid
  bool rolls = false;    ///< a Loader rolls each sample by its random_roll
};

/// Reads and normalises given samples. Stateless, safe under threads.
class BatchReader {
 public:
  BatchReader(const Dataset& dataset, const Statistics& statistics, LoaderOptions options);
  /// Throws Error(data). Once `stop` is requested it returns early, with what is missing left 0.
  Batch read(std::span<const TrainingSample> samples, const std::stop_token& stop = {}) const;
  const LoaderOptions& options() const { return options_; }
  int64_t columns() const { return dataset_.grid().columns(); }

 private:
  /// A sample's part of a Batch.
  struct Fields {
    std::span<float> input, forced, target;
  };
  void read_sample(const TrainingSample& sample, const Fields& out) const;
  void read_normalised(int64_t variable, int64_t time, std::span<float> out) const;

  const Dataset& dataset_;
  Statistics statistics_;
  LoaderOptions options_;
  std::vector<float> statics_;             // normalised, [S, Y, X]
  std::vector<int64_t> state_, forcings_;  // variables
};

/// Endless training batches in the order of shuffled_sample, from position `first` on: each takes the next
/// batch_size positions; of these this loader reads [mine.begin, mine.end). `reader` must outlive it.
class Loader {
 public:
  Loader(const BatchReader& reader, std::vector<TrainingSample> samples, uint64_t seed, int64_t batch_size,
         Range mine, int64_t first);
  ~Loader();  ///< stops the thread

  /// The next step's batch. Rethrows what the reading thread threw.
  Batch next();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace seqvit::data
