/// bf16 as an element type of the kernel: a word is two numbers, multiplied and added in fp32 by one
/// instruction.
#pragma once

#include "ops/flash/vector.h"

namespace seqvit::ops::flash {
namespace {

struct Bf16 {
  using Stored = uint16_t;
  using Element = uint16_t;
  static constexpr int64_t kPerWord = 2;
  /// Sizes of blocks that keep a block's operands in the second-level cache (flat within 1 %).
  static constexpr int64_t kForwardKeys = 256, kBackwardKeys = 192, kWideBackwardKeys = 96;

  SEQVIT_INLINE Vector multiply_add(Vector sum, Words a, Words b) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
  }
  SEQVIT_INLINE void keep_in_register(Words&) {}

  using Reference = Vector;  ///< what a score is measured from, in log2
  SEQVIT_INLINE Reference reference(const float* high, const float* /*low*/) { return flash::load(high); }
  SEQVIT_INLINE Reference reference(float integer) { return splat(integer); }

  /// 2^(score c - reference), capped where kCapped; to far below the rounding of the result.
  template <bool kCapped>
  SEQVIT_INLINE Vector exp2(Vector score, Vector c, const Reference& r) {
    Vector x = maximum(splat(-126.0F), fused_subtract(score, c, r));
    if constexpr (kCapped) x = minimum(splat(kSlack), x);
    const Nearest n(x);
    constexpr float error_3e_6[] = {0.009570101911F, 0.05591786032F, 0.2402474483F, 0.6931218147F,
                                    0.9999992614F};
    return n.power_times(polynomial(x - n.integer(), error_3e_6));
  }

  SEQVIT_INLINE Vector load(const uint16_t* p, Lanes lanes) { return load_bf16(p, lanes); }
  SEQVIT_INLINE void store(uint16_t* p, Lanes lanes, Vector v) {
    _mm256_mask_storeu_epi16(p, lanes, reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(v)));
  }
  SEQVIT_INLINE void scale(uint16_t* p, int64_t n, float by) {
    for (int64_t i = 0; i < n; i += 16)
      store(p + i, first_lanes(n - i), load(p + i, first_lanes(n - i)) * splat(by));
  }

  /// 32 numbers as they are stored: a's in the low half.
  using Rounded = Words;
  SEQVIT_INLINE Rounded round(Vector a, Vector b) {
    return reinterpret_cast<Words>(_mm512_cvtne2ps_pbh(b, a));
  }
  SEQVIT_INLINE Vector add_to_sum(Vector sum, Rounded r) {
    return multiply_add(sum, r, _mm512_set1_epi16(0x3f80));  // times 1.0
  }
  SEQVIT_INLINE void store_row(uint16_t* to, Rounded r) { _mm512_storeu_si512(to, r); }
  SEQVIT_INLINE void store_two_rows(uint16_t* first, uint16_t* second, Rounded r) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(first), _mm512_castsi512_si256(r));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(second), _mm512_extracti64x4_epi64(r, 1));
  }
  /// 16 words (a_i, b_i).
  SEQVIT_INLINE Words interleave(Rounded r) {
    alignas(64) static constexpr uint16_t order[32] = {0,  16, 1,  17, 2,  18, 3,  19, 4,  20, 5,
                                                       21, 6,  22, 7,  23, 8,  24, 9,  25, 10, 26,
                                                       11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
    return _mm512_permutexvar_epi16(_mm512_load_si512(order), r);
  }
  /// 32 columns of a word row, made of kPerWord rows that lie `stride` words apart: 16 each at `first` and
  /// `second`.
  SEQVIT_INLINE void pair_rows(Word* first, Word* second, const Word* row, int64_t stride) {
    const Words a = load_words(row), b = load_words(row + stride);
    const Words low = _mm512_unpacklo_epi16(a, b), high = _mm512_unpackhi_epi16(a, b);
    store_words(first, _mm512_permutex2var_epi64(low, _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), high));
    store_words(second, _mm512_permutex2var_epi64(low, _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15), high));
  }
};

}  // namespace
}  // namespace seqvit::ops::flash
