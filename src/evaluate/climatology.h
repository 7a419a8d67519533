/// Climatology of the training years, the reference that a forecast must beat at long lead times.
///
/// By day of the year and time of day: the mean over the training times of the same time of day within +-10
/// days of the year, all years, each valid value counting once. Days are counted as in a leap year, so 1
/// March is the same day in all years and 29 February is averaged from its neighbours; the year is circular.
/// Monthly data: the mean of each month of the year. A point without a single valid training value in its
/// window is missing (NaN). Close to WeatherBench 2's climatology (Rasp et al. 2024, arXiv 2308.15560), whose
/// window is 61 days with Gaussian weights.
///
/// Cost: each training field is read once, twice for some if the work is done in pieces. Memory: see
/// climatology_fields.h; while it is computed, up to about 1 GiB more. A run keeps its own:
/// climatology_file.h.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <vector>

#include "data/dataset.h"
#include "evaluate/climatology_fields.h"

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

class Climatology final : public ClimatologyFields {
 public:
  /// Computes what is needed for fields valid at `needed`, in the calendar of `dataset`, which holds the
  /// training period. Throws Error(data) if the files cannot be read or the temporary file finds no room.
  Climatology(const data::Dataset& dataset, ClimatologyOptions options,
              std::span<const data::TimeStamp> needed);

 private:
  using Bin = ClimatologyBin;
  struct Block;

  void compute(int64_t position);
  void add_training(int64_t position, Block& block) const;
  void average(int64_t position, const Block& block);

  const data::Dataset& dataset_;
  ClimatologyOptions options_;
  int64_t cycle_, window_;              // days of the cycle, days on either side
  std::map<int64_t, int64_t> seconds_;  // times of day asked for, numbered
};

}  // namespace seqvit::evaluate
