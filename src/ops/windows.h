/// Patches with what is around them, and back: points of units [B, U, F, p p] <-> windows [B, U, F, q q] that
/// reach h = p/2 points into the patches around each, q = p + 2 h.
///
/// When to use it: by model/windows.h, for an embedding that reads more than its patch and a head that writes
/// more. Each direction is the other's backward. On the CPU one copy of the windows is made and nothing else;
/// fp32 and fp64. On a GPU points are found by a table of their numbers, a number for each point of each
/// window, and sums are made in one order there too (index_put_ sorts).
#pragma once

#include <memory>

#include <c10/core/Device.h>

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

/// Which points the windows of a neighbourhood hold, which must outlive it.
class WindowPoints {
 public:
  /// `device`: where tensors lie.
  WindowPoints(const grid::Neighbourhood& near, int64_t patch_size, c10::Device device);
  /// By tables, as on a GPU, on the CPU too: for tests.
  static WindowPoints by_tables(const grid::Neighbourhood& near, int64_t patch_size, c10::Device device);

  /// Windows of mine; beyond an edge of the grid its outermost points go on. Differentiable.
  Tensor read(const UnitPoints& points) const;
  /// The sum of the windows of mine at each point; what is written beyond an edge is dropped. Differentiable.
  UnitPoints add(const Tensor& windows_BUFq) const;

 private:
  std::shared_ptr<struct Where> where_;
};

}  // namespace seqvit::ops
