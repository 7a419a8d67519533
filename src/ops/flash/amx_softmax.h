/// The running softmax of the forward pass on tiles: for each query the reference of its exponentials, their
/// sums, and the values summed with them. The mathematics is in kernel.h.
#pragma once

#include "ops/flash/amx_product.h"

namespace seqvit::ops::flash {
namespace {

/// Of a block of queries that visits panels of kPanelRows keys. Scores and probabilities of a group of
/// kSquare queries are [kSquare][kPanelRows].
template <int64_t kWidth, int64_t kPanelRows>
struct TileSoftmax {
  static constexpr float kNothingYet = -1e30F;  ///< reference before the first key; also the score of padding
  /// A reference may lag behind its row's maximum by so much, in log2: fp32 and bf16 have room for 2^127.
  static constexpr float kTileSlack = 40.0F;

  float* out;                    ///< [queries][kWidth], times 2^-reference
  Vector *sum, *rounded_sum;     ///< [queries], of probabilities as they are and as they are rounded
  float *reference, *threshold;  ///< threshold: the score above which the reference has to move

  TileSoftmax(Scratch& scratch, int64_t queries)
      : out(scratch.take<float>(queries * kWidth)),
        sum(scratch.take<Vector>(queries)),
        rounded_sum(scratch.take<Vector>(queries)),
        reference(scratch.take<float>(queries)),
        threshold(scratch.take<float>(queries)) {}

  void begin(int64_t queries) const {
    std::memset(out, 0, static_cast<size_t>(queries * kWidth) * sizeof(float));
    for (int64_t i = 0; i < queries; ++i) {
      sum[i] = rounded_sum[i] = zero();
      reference[i] = threshold[i] = kNothingYet;
    }
  }

  /// Keys from `real` on are padding: their scores become so low that their probability is zero.
  SEQVIT_INLINE void hide_padding(float* scores, int64_t real) {
    for (int64_t j = real / kLanes * kLanes; j < kPanelRows; j += kLanes)
      for (int64_t i = 0; i < kSquare; ++i) {
        float* at = scores + i * kPanelRows + j;
        store(at, select(first_lanes(real - j), load(at), splat(kNothingYet)));
      }
  }

  SEQVIT_INLINE Vector largest_of(const float* scores) {
    Vector largest = load(scores);
#pragma GCC unroll 8
    for (int64_t j = kLanes; j < kPanelRows; j += kLanes)
      largest = maximum(largest, load(scores + j));
    return largest;
  }

  /// Before the exponentials of a group whose first query is `first`: moves the references of rows whose
  /// scores grew too far. `pending`: probabilities of the same rows whose values are not added yet; null
  /// where there are none.
  __attribute__((always_inline)) void raise_references(const float* scores, int64_t first, uint16_t* pending,
                                                       float to_log2) const {
    for (int64_t i = 0; i < kSquare; i += 4) {
      bool above = false;
#pragma GCC unroll 4
      for (int64_t r = i; r < i + 4; ++r)
        above |= any_above(largest_of(scores + r * kPanelRows), splat(threshold[first + r])) != 0;
      if (__builtin_expect(above, 0)) {
        for (int64_t r = i; r < i + 4; ++r) {
          const float largest = maximum_of(largest_of(scores + r * kPanelRows));
          if (largest > threshold[first + r])
            raise_reference(first + r, largest * to_log2,
                            pending == nullptr ? nullptr : pending + r * kPanelRows, to_log2);
        }
      }
    }
  }

  /// The rare path: to the maximum itself at first (probabilities of a flat row are then just below 1, where
  /// bf16 is finest), later by an integer, so that what was summed for the row is scaled by an exact power of
  /// two.
  __attribute__((noinline)) void raise_reference(int64_t row, float reached, uint16_t* pending,
                                                 float to_log2) const {
    const float before = reference[row];
    const bool first = before == kNothingYet;
    reference[row] = first ? reached : before + __builtin_ceilf(reached - before);
    threshold[row] = (reference[row] + kTileSlack) / to_log2;
    if (first) return;
    const float exponent = before - reference[row],
                factor = exponent < -200.0F ? 0.0F : __builtin_exp2f(exponent);
    sum[row] = sum[row] * splat(factor);
    rounded_sum[row] = rounded_sum[row] * splat(factor);
    for (int64_t e = 0; e < kWidth; ++e)
      out[row * kWidth + e] *= factor;
    if (pending != nullptr) Bf16::scale(pending, kPanelRows, factor);
  }

  /// Probabilities of a query and a panel.
  __attribute__((always_inline)) void take_row(const float* scores, uint16_t* probabilities, int64_t query,
                                               float to_log2) const {
    const Vector c = splat(to_log2), from = splat(reference[query]);
    Vector all = sum[query], all_rounded = rounded_sum[query];
#pragma GCC unroll 4
    for (int64_t j = 0; j < kPanelRows; j += 2 * kLanes) {
      const Vector a = exp2(kAllLanes, fused_subtract(load(scores + j), c, from)),
                   b = exp2(kAllLanes, fused_subtract(load(scores + j + kLanes), c, from));
      const auto rounded = Bf16::round(a, b);
      Bf16::store_row(probabilities + j, rounded);
      all = all + (a + b);
      all_rounded = Bf16::add_to_sum(all_rounded, rounded);
    }
    sum[query] = all;
    rounded_sum[query] = all_rounded;
  }

  /// Results and log-sum-exps of queries [begin, begin + n) of the head.
  void finish(const ForwardHead& head, int64_t begin, int64_t n) const {
    for (int64_t i = 0; i < n; ++i) {
      head.lse[begin + i] =
          static_cast<float>((static_cast<double>(reference[i]) + __builtin_log2(sum_of(sum[i]))) * kLn2);
      store_scaled_row<Bf16>(head.out, begin + i, out + i * kWidth, 1.0F / sum_of(rounded_sum[i]),
                             head.head_dim);
    }
  }
};

}  // namespace
}  // namespace seqvit::ops::flash
