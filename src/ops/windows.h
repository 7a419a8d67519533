/// Patches with what is around them, and back: points of units [B, U, F, p p] <-> windows [B, U, F, q q] that reach h = p/2 points into
/// the patches around each, q = p + 2 h.
///
/// When to use it: by model/windows.h, for an embedding that reads more than its patch and a head that writes more. Each direction is the
/// other's backward. One copy of the windows is made and nothing else. fp32 and fp64; computed on the CPU, wherever tensors lie.
#pragma once

#include "core/tensor.h"
#include "grid/neighbourhood.h"

namespace seqvit::ops {

/// Points of mine [B, U, F, p p], and of others next to them [B, H, F, p p].
struct UnitPoints {
  Tensor mine, halo;
};

/// Points along a side of the window around a patch.
constexpr int64_t window_side(int64_t patch_size) {
  return patch_size + 2 * (patch_size / 2);
}

/// Windows of mine; beyond an edge of the grid its outermost points go on. Differentiable.
Tensor read_windows(const UnitPoints& points, const grid::Neighbourhood& near, int64_t patch_size);
/// The sum of the windows of mine at each point; what is written beyond an edge is dropped. Differentiable.
UnitPoints add_windows(const Tensor& windows_BUFq, const grid::Neighbourhood& near, int64_t patch_size);

}  // namespace seqvit::ops
