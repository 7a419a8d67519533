/// fp32 as an element type of the kernel: a word is one number.
#pragma once

#include "ops/flash/vector.h"

namespace seqvit::flash {
namespace {

struct Fp32 {
  using Element = float;
  static constexpr int64_t kPerWord = 1;
  /// Sizes of blocks that keep a block's operands in the second-level cache (flat within 1 %).
  static constexpr int64_t kForwardKeys = 128, kBackwardKeys = 96;

  SEQVIT_INLINE Vector multiply_add(Vector sum, Words a, Words b) {
    return _mm512_fmadd_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), sum);
  }
  /// GCC would otherwise fold this load into each of the multiplications that use it, and load ports are what
  /// the fp32 product is short of.
  SEQVIT_INLINE void keep_in_register(Words& w) { asm("" : "+v"(w)); }

  /// What a score is measured from, in log2. One fp32 would be too coarse: its error is that of a whole row.
  struct Reference {
    Vector high, low;
  };
  SEQVIT_INLINE Reference reference(const float* high, const float* low) {
    return {_mm512_loadu_ps(high), _mm512_loadu_ps(low)};
  }
  SEQVIT_INLINE Reference reference(float integer) { return {splat(integer), splat(0.0F)}; }

  /// 2^(score c - reference), capped where kCapped. Once its integer part is known the difference is formed
  /// anew: rounded at the size of the fraction, not of the score.
  template <bool kCapped>
  SEQVIT_INLINE Vector exp2(Vector score, Vector c, const Reference& r) {
    Vector x = _mm512_max_ps(splat(-126.0F), _mm512_fmsub_ps(score, c, r.high));
    if constexpr (kCapped) x = _mm512_min_ps(splat(kSlack), x);
    const Nearest n(x);
    const Vector exact = _mm512_fmsub_ps(score, c, _mm512_add_ps(r.high, n.integer()));
    // Beyond [-1/2, 1/2] only where x was cut off.
    const Vector f = _mm512_min_ps(splat(0.5F), _mm512_max_ps(splat(-0.5F), _mm512_sub_ps(exact, r.low)));
    constexpr float error_2e_9[] = {0.0001534581201F, 0.001339993122F, 0.009618488957F, 0.05550328777F,
                                    0.2402264689F,    0.6931472057F,   1.000000001F};
    return n.power_times(polynomial(f, error_2e_9));
  }

  SEQVIT_INLINE Vector load(const float* p, __mmask16 lanes) { return _mm512_maskz_loadu_ps(lanes, p); }
  SEQVIT_INLINE void store(float* p, __mmask16 lanes, Vector v) { _mm512_mask_storeu_ps(p, lanes, v); }
  SEQVIT_INLINE void scale(float* p, int64_t n, float by) {
    for (int64_t i = 0; i < n; ++i)
      p[i] *= by;
  }

  /// 32 numbers as they are stored.
  struct Rounded {
    Vector a, b;
  };
  SEQVIT_INLINE Rounded round(Vector a, Vector b) { return {a, b}; }
  SEQVIT_INLINE Vector add_to_sum(Vector sum, Rounded r) {
    return _mm512_add_ps(sum, _mm512_add_ps(r.a, r.b));
  }
  SEQVIT_INLINE void store_row(float* to, Rounded r) {
    _mm512_storeu_ps(to, r.a);
    _mm512_storeu_ps(to + 16, r.b);
  }
  SEQVIT_INLINE void store_two_rows(float* first, float* second, Rounded r) {
    _mm512_storeu_ps(first, r.a);
    _mm512_storeu_ps(second, r.b);
  }
  /// 32 columns of a word row, made of kPerWord rows that lie `stride` words apart.
  SEQVIT_INLINE void pair_rows(Word* to, const Word* row, int64_t /*stride*/) {
    _mm512_storeu_si512(to, _mm512_loadu_si512(row));
    _mm512_storeu_si512(to + 16, _mm512_loadu_si512(row + 16));
  }
};

}  // namespace
}  // namespace seqvit::flash
