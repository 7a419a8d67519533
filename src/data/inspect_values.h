/// The values of one variable of a file, read once in pieces: moments, and where values are missing.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "data/grid_layout.h"
#include "data/moments.h"
#include "data/source_file.h"
#include "data/unstated_fill.h"

namespace seqvit::data {

struct ValueSummary {
  RunningMoments moments;
  int64_t values = 0;
  int64_t points = 0;             ///< places on the grid (and levels)
  int64_t always_missing = 0;     ///< points without a value at any time
  int64_t sometimes_missing = 0;  ///< points with a value at some times only
  int64_t outside = 0;            ///< values beyond valid_range and the like; they count as missing
  int64_t infinite = 0;           ///< values that are not finite as floats; they count as missing
  /// Place in the variable of the earliest one; empty where there is none.
  std::vector<int64_t> first_infinite;

  std::optional<SuspectFill> fill;  ///< a value that may stand for none without the file saying so

  double missing_fraction() const {
    return values == 0 ? 0.0 : static_cast<double>(values - moments.count()) / static_cast<double>(values);
  }
};

/// Memory: `piece_values` values at a time (32 MB; of larger chunks up to eight times that, or chunks are
/// decoded more than once) and a counter a point. Throws Error(data) where the file cannot be read,
/// Error(success) "stopped" on Ctrl-C.
ValueSummary summarise_values(const SourceFile& file, const FileVariable& variable, const GridLayout& layout,
                              int64_t piece_values = int64_t{4} << 20);

}  // namespace seqvit::data
