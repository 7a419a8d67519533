/// Fields of a slab <-> patches. Grids that the patch does not divide are padded with zeros (the normalised
/// mean) at the last rows and columns, and cut again on the way out.
#pragma once

#include "core/tensor.h"
#include "grid/partition.h"

namespace seqvit::model {

/// [B, V, Y, X] on slab.rows -> [B, S, V, p*p], S = slab.patches.size().
Tensor to_patches(const Tensor& fields_BVYX, const grid::TokenGrid& grid, const grid::Slab& slab);
/// The inverse: [B, S, V, p*p] -> [B, V, Y, X], zero where another rank's patches lie.
Tensor from_patches(const Tensor& patches_BSVp, const grid::TokenGrid& grid, const grid::Slab& slab);

}  // namespace seqvit::model
