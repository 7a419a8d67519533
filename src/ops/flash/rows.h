/// Rows of q, k, v and their gradients, from the tensors and into them: the same for products on vectors and
/// on tiles.
#pragma once

#include "ops/flash/vector.h"

namespace seqvit::ops::flash {
namespace {

/// Rows [begin, begin + n) of a matrix as word rows padded with zeros to kWidth, and with zero rows up to
/// `padded`.
template <class T, int64_t kWidth>
void pack_rows(Word* to, const ConstMatrix& from, int64_t begin, int64_t n, int64_t padded,
               int64_t head_dim) {
  using Element = typename T::Element;
  auto* out = reinterpret_cast<Element*>(to);
  const auto* in = static_cast<const typename T::Stored*>(from.data) + begin * from.stride;
  for (int64_t i = 0; i < n; ++i) {
    if constexpr (sizeof(Element) == sizeof(*in)) {
      const auto row_bytes = static_cast<size_t>(head_dim) * sizeof(Element);
      std::memcpy(out + i * kWidth, in + i * from.stride, row_bytes);
      std::memset(out + i * kWidth + head_dim, 0, kWidth * sizeof(Element) - row_bytes);
    } else {
      for (int64_t e = 0; e < kWidth; e += kLanes)
        store(out + i * kWidth + e, T::load(in + i * from.stride + e, first_lanes(head_dim - e)));
    }
  }
  std::memset(out + n * kWidth, 0, static_cast<size_t>(padded - n) * kWidth * sizeof(Element));
}

/// One fp32 row, or its columns from `first` on, times a factor, rounded to what the tensors hold.
template <class T>
SEQVIT_INLINE void store_scaled_row(const Matrix& to, int64_t row, const float* values, float factor,
                                    int64_t n, int64_t first = 0) {
  auto* out = static_cast<typename T::Stored*>(to.data) + row * to.stride + first;
  for (int64_t e = 0; e < n; e += kLanes)
    T::store(out + e, first_lanes(n - e), load(values + e) * splat(factor));
}

/// Of a row of a and the same row of b.
template <class T>
float dot_of_rows(const ConstMatrix& a, const ConstMatrix& b, int64_t row, int64_t n) {
  const auto* x = static_cast<const typename T::Stored*>(a.data) + row * a.stride;
  const auto* y = static_cast<const typename T::Stored*>(b.data) + row * b.stride;
  Vector sum = zero();
  for (int64_t e = 0; e < n; e += kLanes)
    sum = fused_add(T::load(x + e, first_lanes(n - e)), T::load(y + e, first_lanes(n - e)), sum);
  return sum_of(sum);
}

}  // namespace
}  // namespace seqvit::ops::flash
