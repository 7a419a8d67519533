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
/// A square of kLanes x kLanes words; strides are words from row to row.
SEQVIT_INLINE void transpose(uint32_t* to, int64_t to_stride, const uint32_t* from, int64_t from_stride) {
  const Words lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
              offset = _mm512_mullo_epi32(splat_word(static_cast<uint32_t>(from_stride)), lane);
  for (int64_t i = 0; i < kLanes; ++i)
    store_words(to + i * to_stride, _mm512_i32gather_epi32(offset, from + i, 4));
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
