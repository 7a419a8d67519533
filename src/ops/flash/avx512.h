/// 512-bit registers: 16 lanes, 32 registers, masks. Included by vector.h; avx2.h has the same names.
#pragma once

#include <cstdint>
#include <immintrin.h>

namespace seqvit::ops::flash {
namespace {

using Vector = __m512;    ///< fp32; + - * work on it
using Words = __m512i;    ///< words of 32 bits
using Lanes = __mmask16;  ///< some of the lanes
constexpr int64_t kLanes = 16;
/// Register tile: 16 sums, 4 panel vectors and a broadcast fit 32 registers.
constexpr int kTileRows = 4, kTileVectors = 4;
/// Exponentials of one tile between the products of the next: they use other ports.
constexpr bool kInterleave = true;

SEQVIT_INLINE Vector splat(float x) {
  return _mm512_set1_ps(x);
}
SEQVIT_INLINE Vector zero() {
  return _mm512_setzero_ps();
}
SEQVIT_INLINE Words splat_word(uint32_t x) {
  return _mm512_set1_epi32(static_cast<int>(x));
}
SEQVIT_INLINE Vector load(const float* p) {
  return _mm512_loadu_ps(p);
}
SEQVIT_INLINE void store(float* p, Vector v) {
  _mm512_storeu_ps(p, v);
}
SEQVIT_INLINE Words load_words(const uint32_t* p) {
  return _mm512_loadu_si512(p);
}
SEQVIT_INLINE void store_words(uint32_t* p, Words v) {
  _mm512_storeu_si512(p, v);
}
/// A square of kLanes x kLanes words; strides are words from row to row. In four rounds that exchange single
/// words, pairs, and quarters twice.
SEQVIT_INLINE void transpose(uint32_t* to, int64_t to_stride, const uint32_t* from, int64_t from_stride) {
  Words row[16], pair[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i)
    row[i] = load_words(from + i * from_stride);
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    pair[i] = _mm512_unpacklo_epi32(row[i], row[i + 1]);
    pair[i + 1] = _mm512_unpackhi_epi32(row[i], row[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16;
       i += 4) {  // quarter q of row[4 g + i] then holds column 4 q + i of rows 4 g ... 4 g + 3
    row[i] = _mm512_unpacklo_epi64(pair[i], pair[i + 2]);
    row[i + 1] = _mm512_unpackhi_epi64(pair[i], pair[i + 2]);
    row[i + 2] = _mm512_unpacklo_epi64(pair[i + 1], pair[i + 3]);
    row[i + 3] = _mm512_unpackhi_epi64(pair[i + 1], pair[i + 3]);
  }
  constexpr int kEven = 0x88, kOdd = 0xdd;  // quarters 0 and 2 of two vectors, or 1 and 3
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const Words even_low = _mm512_shuffle_i32x4(row[i], row[i + 4], kEven),
                even_high = _mm512_shuffle_i32x4(row[i + 8], row[i + 12], kEven),
                odd_low = _mm512_shuffle_i32x4(row[i], row[i + 4], kOdd),
                odd_high = _mm512_shuffle_i32x4(row[i + 8], row[i + 12], kOdd);
    store_words(to + i * to_stride, _mm512_shuffle_i32x4(even_low, even_high, kEven));
    store_words(to + (4 + i) * to_stride, _mm512_shuffle_i32x4(odd_low, odd_high, kEven));
    store_words(to + (8 + i) * to_stride, _mm512_shuffle_i32x4(even_low, even_high, kOdd));
    store_words(to + (12 + i) * to_stride, _mm512_shuffle_i32x4(odd_low, odd_high, kOdd));
  }
}
SEQVIT_INLINE Vector as_vector(Words w) {
  return _mm512_castsi512_ps(w);
}

/// a b + c and a b - c, rounded once.
SEQVIT_INLINE Vector fused_add(Vector a, Vector b, Vector c) {
  return _mm512_fmadd_ps(a, b, c);
}
SEQVIT_INLINE Vector fused_subtract(Vector a, Vector b, Vector c) {
  return _mm512_fmsub_ps(a, b, c);
}
/// b where either is not a number.
SEQVIT_INLINE Vector maximum(Vector a, Vector b) {
  return _mm512_max_ps(a, b);
}
SEQVIT_INLINE Vector minimum(Vector a, Vector b) {
  return _mm512_min_ps(a, b);
}
/// v with the lowest 9 bits of `n` added to sign and exponent.
SEQVIT_INLINE Vector add_to_exponent(Vector v, Vector n) {
  return as_vector(_mm512_add_epi32(_mm512_castps_si512(v), _mm512_slli_epi32(_mm512_castps_si512(n), 23)));
}
SEQVIT_INLINE float sum_of(Vector v) {
  return _mm512_reduce_add_ps(v);
}
SEQVIT_INLINE float maximum_of(Vector v) {
  return _mm512_reduce_max_ps(v);
}
SEQVIT_INLINE int any_above(Vector a, Vector b) {
  return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ);
}

SEQVIT_INLINE Lanes first_lanes(int64_t n) {
  return n >= 16 ? 0xffff : n <= 0 ? 0 : static_cast<Lanes>((1 << n) - 1);
}
/// a in `lanes`, b elsewhere.
SEQVIT_INLINE Vector select(Lanes lanes, Vector a, Vector b) {
  return _mm512_mask_blend_ps(lanes, b, a);
}
SEQVIT_INLINE Vector load_lanes(const float* p, Lanes lanes) {
  return _mm512_maskz_loadu_ps(lanes, p);
}
SEQVIT_INLINE void store_lanes(float* p, Lanes lanes, Vector v) {
  _mm512_mask_storeu_ps(p, lanes, v);
}

SEQVIT_INLINE Vector load_bf16(const uint16_t* p, Lanes lanes) {
  return as_vector(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(lanes, p)), 16));
}
/// Rounded to the nearest, to even where two are as near; NaN stays NaN.
SEQVIT_INLINE void store_bf16(uint16_t* p, Lanes lanes, Vector v) {
  const Words bits = _mm512_castps_si512(v),
              odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), splat_word(1)),
              rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, splat_word(0x7fff))),
              quiet = _mm512_or_si512(bits, splat_word(0x400000));
  const Lanes nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
  const Words high = _mm512_srli_epi32(_mm512_mask_blend_epi32(nan, rounded, quiet), 16);
  _mm256_mask_storeu_epi16(p, lanes, _mm512_cvtepi32_epi16(high));
}

}  // namespace
}  // namespace seqvit::ops::flash
