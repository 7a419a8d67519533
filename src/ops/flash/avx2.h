/// 256-bit registers: 8 lanes, 16 registers. Included by vector.h; avx512.h has the same names, and what they
/// mean.
#pragma once

#include <cstdint>
#include <immintrin.h>

namespace seqvit::flash {
namespace {

using Vector = __m256;
using Words = __m256i;
using Lanes = __m256i;  ///< all bits of a lane, or none
constexpr int64_t kLanes = 8;
/// Register tile: 12 sums, 2 panel vectors and a broadcast fit 16 registers.
constexpr int kTileRows = 6, kTileVectors = 2;
/// Exponentials between the products of a tile would push its sums out of the registers, and take the same
/// ports.
constexpr bool kInterleave = false;

SEQVIT_INLINE Vector splat(float x) {
  return _mm256_set1_ps(x);
}
SEQVIT_INLINE Vector zero() {
  return _mm256_setzero_ps();
}
SEQVIT_INLINE Words splat_word(uint32_t x) {
  return _mm256_set1_epi32(static_cast<int>(x));
}
SEQVIT_INLINE Vector load(const float* p) {
  return _mm256_loadu_ps(p);
}
SEQVIT_INLINE void store(float* p, Vector v) {
  _mm256_storeu_ps(p, v);
}
SEQVIT_INLINE Words load_words(const uint32_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const Words*>(p));
}
SEQVIT_INLINE void store_words(uint32_t* p, Words v) {
  _mm256_storeu_si256(reinterpret_cast<Words*>(p), v);
}
SEQVIT_INLINE Words load_column(const uint32_t* p, int64_t stride) {
  const Words lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_i32gather_epi32(reinterpret_cast<const int*>(p),
                                _mm256_mullo_epi32(_mm256_set1_epi32(static_cast<int>(stride)), lane), 4);
}
SEQVIT_INLINE Vector as_vector(Words w) {
  return _mm256_castsi256_ps(w);
}

SEQVIT_INLINE Vector fused_add(Vector a, Vector b, Vector c) {
  return _mm256_fmadd_ps(a, b, c);
}
SEQVIT_INLINE Vector fused_subtract(Vector a, Vector b, Vector c) {
  return _mm256_fmsub_ps(a, b, c);
}
SEQVIT_INLINE Vector maximum(Vector a, Vector b) {
  return _mm256_max_ps(a, b);
}
SEQVIT_INLINE Vector minimum(Vector a, Vector b) {
  return _mm256_min_ps(a, b);
}
SEQVIT_INLINE Vector add_to_exponent(Vector v, Vector n) {
  return as_vector(_mm256_add_epi32(_mm256_castps_si256(v), _mm256_slli_epi32(_mm256_castps_si256(n), 23)));
}
SEQVIT_INLINE float sum_of(Vector v) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1)),
               two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
SEQVIT_INLINE float maximum_of(Vector v) {
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1)),
               two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}
SEQVIT_INLINE int any_above(Vector a, Vector b) {
  return _mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GT_OQ));
}

SEQVIT_INLINE Lanes first_lanes(int64_t n) {
  const auto count = static_cast<int>(n > kLanes ? kLanes : n);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
SEQVIT_INLINE Vector select(Lanes lanes, Vector a, Vector b) {
  return _mm256_blendv_ps(b, a, as_vector(lanes));
}
SEQVIT_INLINE Vector load_lanes(const float* p, Lanes lanes) {
  return _mm256_maskload_ps(p, lanes);
}
SEQVIT_INLINE void store_lanes(float* p, Lanes lanes, Vector v) {
  _mm256_maskstore_ps(p, lanes, v);
}

}  // namespace
}  // namespace seqvit::flash
