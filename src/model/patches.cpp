#include "model/patches.h"

#include <ATen/ops/constant_pad_nd.h>

namespace seqvit::model {

Tensor to_patches(const Tensor& fields_BVYX, const grid::TokenGrid& grid, const grid::Slab& slab) {
  const int64_t p = grid.patch_size, patch_rows = slab.patch_rows.size(),
                patch_columns = grid.patch_columns();
  const int64_t batch = fields_BVYX.size(0), variables = fields_BVYX.size(1);
  const Tensor padded = at::constant_pad_nd(
      fields_BVYX, {0, patch_columns * p - fields_BVYX.size(3), 0, patch_rows * p - fields_BVYX.size(2)});
  return padded.view({batch, variables, patch_rows, p, patch_columns, p})
      .permute({0, 2, 4, 1, 3, 5})
      .reshape({batch, patch_rows * patch_columns, variables, p * p})
      .narrow(1, slab.patches.begin - slab.patch_rows.begin * patch_columns, slab.patches.size());
}

Tensor from_patches(const Tensor& patches_BSVp, const grid::TokenGrid& grid, const grid::Slab& slab) {
  const int64_t p = grid.patch_size, patch_rows = slab.patch_rows.size(),
                patch_columns = grid.patch_columns();
  const int64_t batch = patches_BSVp.size(0), variables = patches_BSVp.size(2);
  const int64_t before = slab.patches.begin - slab.patch_rows.begin * patch_columns;
  const int64_t after = slab.patch_rows.end * patch_columns - slab.patches.end;
  return at::constant_pad_nd(patches_BSVp, {0, 0, 0, 0, before, after})
      .view({batch, patch_rows, patch_columns, variables, p, p})
      .permute({0, 3, 1, 4, 2, 5})
      .reshape({batch, variables, patch_rows * p, patch_columns * p})
      .narrow(2, 0, slab.rows.size())
      .narrow(3, 0, grid.columns);
}

}  // namespace seqvit::model
