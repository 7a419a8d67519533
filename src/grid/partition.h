/// From a grid to a token sequence, and which part of it a rank holds.
///
/// Tokens are ordered patch-major (patch rows from the first grid row on, columns inside), the tokens of one
/// patch inside: so a contiguous share of the sequence is a slab of the grid even when variables multiply the
/// sequence. Shares may start and end anywhere in a patch row, and between the variables of a patch; a rank
/// then reads the rows that its tokens touch and owns only its tokens' part of them.
#pragma once

#include <cstdint>
#include <vector>

#include "core/partition.h"

namespace seqvit::grid {

struct TokenGrid {
  int64_t rows = 0, columns = 0;  ///< of the grid
  int64_t patch_size = 1;
  int64_t tokens_per_patch = 1;
  int64_t tokens_per_unit =
      1;  ///< tokens that must stay on one rank (all of a patch where its head reads them together)

  int64_t patch_rows() const { return (rows + patch_size - 1) / patch_size; }
  int64_t patch_columns() const { return (columns + patch_size - 1) / patch_size; }
  int64_t patches() const { return patch_rows() * patch_columns(); }
  int64_t tokens() const { return patches() * tokens_per_patch; }
  int64_t units() const { return tokens() / tokens_per_unit; }
};

/// One rank's part of the sequence, seen at every level. All ranges are half-open.
struct Slab {
  Range tokens;      ///< of the sequence
  Range patches;     ///< touched by the tokens
  Range patch_rows;  ///< touched by the patches
  Range rows;        ///< of the grid, clipped to it (the last patch row may hang over)
};

/// The slab of rank `index` of `count`. Throws Error(usage) when there are fewer units than ranks.
Slab make_slab(const TokenGrid& grid, int64_t index, int64_t count);
/// Tokens of each of `count` ranks.
std::vector<int64_t> token_counts(const TokenGrid& grid, int64_t count);

}  // namespace seqvit::grid
