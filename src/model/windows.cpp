#include "model/windows.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/constant_pad_nd.h>

namespace seqvit::model {

Windows::Windows(const grid::TokenGrid& grid, const ModelLayout& layout)
    : halo_(layout.peers->halo()),
      windows_(halo_.near(), grid.patch_size, layout.whole.device),
      parts_(grid.tokens_per_patch / grid.tokens_per_unit),
      patches_(layout.slab.patches.size()),
      first_(layout.slab.tokens.begin / grid.tokens_per_unit - layout.slab.patches.begin * parts_) {}

/// Of whole patches those parts that are mine: [B, S, n F, x] -> [B, U, F, x].
Tensor Windows::mine(const Tensor& of_patches_BSFp) const {
  return of_patches_BSFp.unflatten(2, {parts_, -1}).flatten(1, 2).narrow(1, first_, halo_.near().size());
}

Tensor Windows::of_patches(const Tensor& mine_BUFp) const {
  const int64_t after = patches_ * parts_ - first_ - halo_.near().size();
  const Tensor whole =
      first_ + after == 0 ? mine_BUFp : at::constant_pad_nd(mine_BUFp, {0, 0, 0, 0, first_, after});
  return whole.unflatten(1, {patches_, parts_}).flatten(2, 3);
}

Tensor Windows::read(const Tensor& points_BSFp) const {
  const Tensor points = mine(points_BSFp);
  const Tensor others = halo_.gather(points.flatten(2)).unflatten(2, {points.size(2), points.size(3)});
  return of_patches(windows_.read({points, others}));
}

Tensor Windows::add(const Tensor& windows_BSFq) const {
  const ops::UnitPoints sums = windows_.add(mine(windows_BSFq));
  return of_patches(sums.mine + halo_.give_back(sums.halo.flatten(2)).view(sums.mine.sizes()));
}

}  // namespace seqvit::model
