/// Finding the rows and columns of one grid in another that has the same points in another order.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "grid/grid.h"

namespace seqvit::data {

/// How the rows and columns of one grid are found in another that differs in orientation only.
struct GridMap {
  bool flip = false;             ///< rows run the other way
  std::vector<int64_t> columns;  ///< source column of each column; empty when they are the same
};

/// The map from `wanted` to `source`, or nothing where the grids differ in more than orientation.
std::optional<GridMap> match_grids(const grid::Grid& wanted, const grid::Grid& source);

}  // namespace seqvit::data
