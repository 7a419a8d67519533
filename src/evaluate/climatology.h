/// Climatology of the training years, the reference that a forecast must beat at long lead times.
///
/// By day of the year and time of day: the mean over the training times of the same time of day within +-10
/// days of the year, all years, each valid value counting once. Days are counted as in a leap year, so 1
/// March is the same day in all years and 29 February is averaged from its neighbours; the year is circular.
/// Monthly data: the mean of each month of the year. A point without a single valid training value in its
/// window is missing (NaN). Close to WeatherBench 2's climatology (Rasp et al. 2024, arXiv 2308.15560), whose
/// window is 61 days with Gaussian weights.
///
/// Cost: each training field is read once, twice for some if the work is done in pieces. Memory: 4 bytes a
/// variable, point of my rows, time of day and day of the year *that is asked for*; beyond `memory_bytes` it
/// lies in a temporary file that the system pages in and out. While it is computed, up to about 1 GiB more.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "data/dataset.h"

namespace seqvit::evaluate {

struct ClimatologyOptions {
  Range training;                  ///< time indices
  std::vector<int64_t> variables;  ///< indices into Dataset::variables()
  Range rows;                      ///< my slab of the grid
  bool monthly = false;
  int64_t memory_bytes = int64_t{4} << 30;
  int64_t working_bytes = int64_t{1} << 30;
  std::function<void()> before_variable;  ///< called as each variable begins; may throw to stop
};

class Climatology {
 public:
  /// Computes what is needed for fields valid at `needed`, in the calendar of `dataset`, which holds the training
  /// period. Throws Error(data) if the files cannot be read or the temporary file finds no room.
  Climatology(const data::Dataset& dataset, ClimatologyOptions options,
              std::span<const data::TimeStamp> needed);
  ~Climatology();

  /// [Y, X] of `options.variables[position]` at `time`, one of those that were asked for.
  std::span<const float> field(int64_t position, data::TimeStamp time) const;

 private:
  struct Bin {
    int64_t day;     // of the cycle, from 0: day of a leap year, or month
    int64_t second;  // of the day; 0 for monthly data
    auto operator<=>(const Bin&) const = default;
  };
  struct Block;

  Bin bin_of(data::TimeStamp time) const;
  void compute(int64_t position);
  void add_training(int64_t position, Block& block) const;
  void average(int64_t position, const Block& block);
  std::span<float> values(int64_t position, int64_t bin) const;

  const data::Dataset& dataset_;
  ClimatologyOptions options_;
  int64_t cycle_, window_, points_;     // days of the cycle, days on either side, points of my rows
  std::map<Bin, int64_t> bins_;         // those asked for, numbered in order
  std::map<int64_t, int64_t> seconds_;  // times of day asked for, numbered
  std::shared_ptr<float[]> storage_;    // [variable, bin, Y, X]
};

}  // namespace seqvit::evaluate
