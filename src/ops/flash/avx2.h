/// 256-bit registers: 8 lanes, 16 registers. Included by vector.h; avx512.h has the same names, and what they
/// mean.
#pragma once

#include <cstdint>
#include <cstring>
#include <immintrin.h>

namespace seqvit::ops::flash {
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
SEQVIT_INLINE Vector as_vector(Words w) {
  return _mm256_castsi256_ps(w);
}
/// In three rounds that exchange single words, pairs and halves; faster than gathers.
SEQVIT_INLINE void transpose(uint32_t* to, int64_t to_stride, const uint32_t* from, int64_t from_stride) {
  Vector row[8], pair[8];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i)
    row[i] = as_vector(load_words(from + i * from_stride));
#pragma GCC unroll 8
  for (int i = 0; i < 8; i += 2) {
    pair[i] = _mm256_unpacklo_ps(row[i], row[i + 1]);
    pair[i + 1] = _mm256_unpackhi_ps(row[i], row[i + 1]);
  }
#pragma GCC unroll 8
  for (int i = 0; i < 8; i += 4) {
    row[i] = _mm256_shuffle_ps(pair[i], pair[i + 2], 0x44);
    row[i + 1] = _mm256_shuffle_ps(pair[i], pair[i + 2], 0xee);
    row[i + 2] = _mm256_shuffle_ps(pair[i + 1], pair[i + 3], 0x44);
    row[i + 3] = _mm256_shuffle_ps(pair[i + 1], pair[i + 3], 0xee);
  }
#pragma GCC unroll 8
  for (int i = 0; i < 4; ++i) {
    const Vector low = _mm256_permute2f128_ps(row[i], row[i + 4], 0x20),
                 high = _mm256_permute2f128_ps(row[i], row[i + 4], 0x31);
    store_words(to + i * to_stride, _mm256_castps_si256(low));
    store_words(to + (i + 4) * to_stride, _mm256_castps_si256(high));
  }
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
/// AMD's masked stores take several times as long as plain ones.
SEQVIT_INLINE void store_lanes(float* p, Lanes lanes, Vector v) {
  if (_mm256_movemask_ps(as_vector(lanes)) == 0xff)
    store(p, v);
  else
    _mm256_maskstore_ps(p, lanes, v);
}

/// Of lanes that are the first ones.
SEQVIT_INLINE size_t bytes_of_bf16(Lanes lanes) {
  return sizeof(uint16_t) * static_cast<size_t>(__builtin_popcount(_mm256_movemask_ps(as_vector(lanes))));
}
SEQVIT_INLINE Vector load_bf16(const uint16_t* p, Lanes lanes) {
  __m128i halves = _mm_setzero_si128();
  const size_t bytes = bytes_of_bf16(lanes);
  if (bytes == sizeof(halves))
    halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  else
    std::memcpy(&halves, p, bytes);
  return as_vector(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
}
SEQVIT_INLINE void store_bf16(uint16_t* p, Lanes lanes, Vector v) {
  const Words bits = _mm256_castps_si256(v),
              odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), splat_word(1)),
              rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, splat_word(0x7fff))),
              quiet = _mm256_or_si256(bits, splat_word(0x400000));
  const Lanes nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
  const Words high = _mm256_srli_epi32(_mm256_blendv_epi8(rounded, quiet, nan), 16);
  const __m128i halves = _mm_packus_epi32(_mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1));
  const size_t bytes = bytes_of_bf16(lanes);
  if (bytes == sizeof(halves))
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), halves);
  else
    std::memcpy(p, &halves, bytes);
}

}  // namespace
}  // namespace seqvit::ops::flash
