/// Tokens a few thousand at a time, for work in which they do not meet: what a tile needs stays in the cache
/// and is gone before the next.
#pragma once

#include <algorithm>

#include <ATen/ops/empty.h>

#include "core/tensor.h"
#include "core/watch.h"

namespace seqvit::ops {

inline constexpr int64_t kDefaultTile = 2048;

/// Calls f(sample, first row, number of rows) over [samples, rows], `tile` rows at a time (0: kDefaultTile).
template <typename F>
void for_each_tile(int64_t samples, int64_t rows, int64_t tile, const F& f) {
  const int64_t step = tile > 0 ? tile : kDefaultTile;
  for (int64_t sample = 0; sample < samples; ++sample) {
    for (int64_t first = 0; first < rows; first += step) {
      f(sample, first, std::min(step, rows - first));
      sign_of_life();
    }
  }
}

/// t [B, R, X] as [1, B R, X] where `together`: samples whose rows are all treated alike follow one another,
/// so that few large tiles take the place of many small ones. For tensors without gaps.
inline Tensor joined(const Tensor& t, bool together) {
  return together ? t.view({1, t.size(0) * t.size(1), t.size(2)}) : t;
}

/// Autograd functions take no undefined tensors: an empty one stands for a scale of 1.
inline Tensor scale_or_empty(const Tensor& scale, const Tensor& like) {
  return scale.defined() ? scale : at::empty({0}, like.options());
}
inline bool has_scale(const Tensor& scale) {
  return scale.numel() > 0;
}
/// The scale [B, 1, 1] as one of each row, joined() like the rows; empty as it is.
inline Tensor scale_of_rows(const Tensor& scale_B11, int64_t rows, bool together) {
  if (!has_scale(scale_B11)) return scale_B11;
  const Tensor each = scale_B11.expand({scale_B11.size(0), rows, 1});
  return together ? joined(each.contiguous(), true) : each;
}

}  // namespace seqvit::ops
