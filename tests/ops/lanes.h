/// AVX-512 lane by lane: what ops/flash uses of it, in plain C++ for processors (and tools, such as valgrind)
/// that do not have it. Included before everything else by the target ops_test_by_lanes, so that the kernels'
/// own source is compiled unchanged. Exact but for the roundings inside the bf16 dot product.
#pragma once

#include <cstdint>
#include <cstring>
#include <immintrin.h>

#define __AVX512F__ 1  // vector.h chooses by it; immintrin.h has been read without
#define asm(...)       // names registers that are not here
#define __builtin_cpu_supports(feature) true

#define LANES static inline __attribute__((always_inline))

namespace seqvit::ops::lanes {

typedef float F32 __attribute__((vector_size(64)));
typedef long long I64 __attribute__((vector_size(64)));
typedef int32_t I32 __attribute__((vector_size(64)));
typedef uint32_t U32 __attribute__((vector_size(64)));
typedef uint16_t U16 __attribute__((vector_size(64)));
typedef uint16_t HalfU16 __attribute__((vector_size(32)));
using Mask = uint16_t;

template <typename To, typename From>
LANES To bits(const From& from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof(to));
  return to;
}
/// A vector whose lanes are f(0), f(1), ...
template <typename V, typename F>
LANES V each(F f) {
  V v{};
  for (int i = 0; i < static_cast<int>(sizeof(V) / sizeof(v[0])); ++i)
    v[i] = f(i);
  return v;
}
LANES bool has(Mask mask, int lane) {
  return (mask >> lane & 1) != 0;
}

LANES F32 set1_ps(float x) {
  return each<F32>([&](int) { return x; });
}
LANES F32 setzero_ps() {
  return F32{};
}
LANES I64 set1_epi32(int x) {
  return bits<I64>(each<I32>([&](int) { return x; }));
}
LANES I64 set1_epi16(int16_t x) {
  return bits<I64>(each<U16>([&](int) { return static_cast<uint16_t>(x); }));
}
template <typename... T>
LANES I64 setr_epi64(T... x) {
  return I64{x...};
}
LANES F32 loadu_ps(const float* p) {
  F32 v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}
LANES void storeu_ps(float* p, F32 v) {
  std::memcpy(p, &v, sizeof(v));
}
LANES I64 loadu_si512(const void* p) {
  I64 v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}
LANES I64 load_si512(const void* p) {
  return loadu_si512(p);
}
LANES void storeu_si512(void* p, I64 v) {
  std::memcpy(p, &v, sizeof(v));
}

LANES I64 add_epi32(I64 a, I64 b) {
  return bits<I64>(bits<U32>(a) + bits<U32>(b));
}
LANES I64 and_si512(I64 a, I64 b) {
  return a & b;
}
LANES I64 or_si512(I64 a, I64 b) {
  return a | b;
}
LANES I64 slli_epi32(I64 a, int n) {
  return bits<I64>(bits<U32>(a) << n);
}
LANES I64 srli_epi32(I64 a, int n) {
  return bits<I64>(bits<U32>(a) >> n);
}
/// Of each 128 bits, one of a and one of b in turn: words or pairs of words, from `first` on.
template <typename V>
LANES I64 interleaved_lanes(I64 a, I64 b, int first) {
  constexpr int quarter = 16 / sizeof(V{}[0]);
  const auto x = bits<V>(a), y = bits<V>(b);
  return bits<I64>(each<V>([&](int i) {
    const int from = i / quarter * quarter + first + i % quarter / 2;
    return i % 2 == 0 ? x[from] : y[from];
  }));
}
LANES I64 unpacklo_epi32(I64 a, I64 b) {
  return interleaved_lanes<U32>(a, b, 0);
}
LANES I64 unpackhi_epi32(I64 a, I64 b) {
  return interleaved_lanes<U32>(a, b, 2);
}
LANES I64 unpacklo_epi64(I64 a, I64 b) {
  return interleaved_lanes<I64>(a, b, 0);
}
LANES I64 unpackhi_epi64(I64 a, I64 b) {
  return interleaved_lanes<I64>(a, b, 1);
}
/// Quarters: two of a, then two of b, each named by two bits of `which`.
LANES I64 shuffle_i32x4(I64 a, I64 b, int which) {
  return each<I64>([&](int i) {
    const int from = (which >> (i / 2 * 2) & 3) * 2 + i % 2;
    return i < 4 ? a[from] : b[from];
  });
}

LANES F32 castsi512_ps(I64 a) {
  return bits<F32>(a);
}
LANES I64 castps_si512(F32 a) {
  return bits<I64>(a);
}
LANES __m256i extracti64x4_epi64(I64 a, int half) {
  __m256i v;
  std::memcpy(&v, reinterpret_cast<const char*>(&a) + half * sizeof(v), sizeof(v));
  return v;
}
LANES __m256i castsi512_si256(I64 a) {
  return extracti64x4_epi64(a, 0);
}

LANES F32 fmadd_ps(F32 a, F32 b, F32 c) {
  return each<F32>([&](int i) { return __builtin_fmaf(a[i], b[i], c[i]); });
}
LANES F32 fmsub_ps(F32 a, F32 b, F32 c) {
  return each<F32>([&](int i) { return __builtin_fmaf(a[i], b[i], -c[i]); });
}
LANES F32 max_ps(F32 a, F32 b) {
  return a > b ? a : b;
}
LANES F32 min_ps(F32 a, F32 b) {
  return a < b ? a : b;
}
/// x - floor(x); `how` is the only one used.
LANES F32 reduce_ps(F32 x, int /*how*/) {
  return each<F32>([&](int i) { return __builtin_isinf(x[i]) ? 0.0F : x[i] - __builtin_floorf(x[i]); });
}
/// v 2^floor(x), zero outside the mask. Beyond 2^(-300) and 2^300 every v around 1 is zero or infinite.
LANES F32 maskz_scalef_ps(Mask mask, F32 v, F32 x) {
  return each<F32>([&](int i) {
    if (!has(mask, i)) return 0.0F;
    if (x[i] != x[i]) return x[i];
    const float exponent = __builtin_floorf(x[i] < -300.0F ? -300.0F : x[i] > 300.0F ? 300.0F : x[i]);
    return __builtin_ldexpf(v[i], static_cast<int>(exponent));
  });
}
/// By halves, as the compiler's own is.
LANES float reduce_add_ps(F32 v) {
  for (int half = 8; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i)
      v[i] += v[half + i];
  }
  return v[0];
}
LANES float reduce_max_ps(F32 v) {
  float largest = v[0];
  for (int i = 1; i < 16; ++i)
    largest = v[i] > largest ? v[i] : largest;
  return largest;
}
LANES Mask cmp_ps_mask(F32 a, F32 b, int how) {
  unsigned mask = 0;
  for (int i = 0; i < 16; ++i)
    mask |= static_cast<unsigned>(how == _CMP_GT_OQ ? a[i] > b[i] : a[i] != a[i] || b[i] != b[i]) << i;
  return static_cast<Mask>(mask);
}
LANES F32 mask_blend_ps(Mask mask, F32 a, F32 b) {
  return each<F32>([&](int i) { return has(mask, i) ? b[i] : a[i]; });
}
LANES I64 mask_blend_epi32(Mask mask, I64 a, I64 b) {
  return bits<I64>(mask_blend_ps(mask, bits<F32>(a), bits<F32>(b)));
}
LANES F32 maskz_loadu_ps(Mask mask, const float* p) {
  return each<F32>([&](int i) { return has(mask, i) ? p[i] : 0.0F; });
}
LANES void mask_storeu_ps(float* p, Mask mask, F32 v) {
  for (int i = 0; i < 16; ++i) {
    if (has(mask, i)) p[i] = v[i];
  }
}
LANES __m256i maskz_loadu_epi16(Mask mask, const uint16_t* p) {
  return bits<__m256i>(each<HalfU16>([&](int i) { return has(mask, i) ? p[i] : uint16_t{0}; }));
}
LANES void mask_storeu_epi16(uint16_t* p, Mask mask, __m256i v) {
  const auto from = bits<HalfU16>(v);
  for (int i = 0; i < 16; ++i) {
    if (has(mask, i)) p[i] = from[i];
  }
}

LANES I64 cvtepu16_epi32(__m256i a) {
  const auto from = bits<HalfU16>(a);
  return bits<I64>(each<U32>([&](int i) { return from[i]; }));
}
LANES __m256i cvtepi32_epi16(I64 a) {
  const auto from = bits<U32>(a);
  return bits<__m256i>(each<HalfU16>([&](int i) { return static_cast<uint16_t>(from[i]); }));
}
/// To the nearest, to even where two are as near; NaN stays NaN.
LANES uint16_t bf16(float x) {
  const auto u = bits<uint32_t>(x);
  return static_cast<uint16_t>(x != x ? u >> 16 | 0x40 : (u + 0x7fff + (u >> 16 & 1)) >> 16);
}
LANES float widened(uint16_t h) {
  return bits<float>(static_cast<uint32_t>(h) << 16);
}
LANES HalfU16 cvtneps_pbh(F32 v) {
  return each<HalfU16>([&](int i) { return bf16(v[i]); });
}
LANES U16 cvtne2ps_pbh(F32 high, F32 low) {
  return each<U16>([&](int i) { return bf16(i < 16 ? low[i] : high[i - 16]); });
}
LANES F32 dpbf16_ps(F32 sum, U16 a, U16 b) {
  return each<F32>([&](int i) {
    return sum[i] + widened(a[2 * i + 1]) * widened(b[2 * i + 1]) + widened(a[2 * i]) * widened(b[2 * i]);
  });
}

LANES I64 permutex2var_epi64(I64 a, I64 index, I64 b) {
  return each<I64>([&](int i) { return (index[i] & 8) != 0 ? b[index[i] & 7] : a[index[i] & 7]; });
}
LANES I64 permutexvar_epi16(I64 index, I64 a) {
  const auto at = bits<U16>(index), from = bits<U16>(a);
  return bits<I64>(each<U16>([&](int i) { return from[at[i] & 31]; }));
}
LANES I64 unpacklo_epi16(I64 a, I64 b) {
  return interleaved_lanes<U16>(a, b, 0);
}
LANES I64 unpackhi_epi16(I64 a, I64 b) {
  return interleaved_lanes<U16>(a, b, 4);
}

}  // namespace seqvit::ops::lanes

#undef _mm512_setr_epi64
#define __m512 seqvit::ops::lanes::F32
#define __m512bh seqvit::ops::lanes::U16
#define __m512i seqvit::ops::lanes::I64
#define _mm256_mask_storeu_epi16 seqvit::ops::lanes::mask_storeu_epi16
#define _mm256_maskz_loadu_epi16 seqvit::ops::lanes::maskz_loadu_epi16
#define _mm512_add_epi32 seqvit::ops::lanes::add_epi32
#define _mm512_and_si512 seqvit::ops::lanes::and_si512
#define _mm512_castps_si512 seqvit::ops::lanes::castps_si512
#define _mm512_castsi512_ps seqvit::ops::lanes::castsi512_ps
#define _mm512_castsi512_si256 seqvit::ops::lanes::castsi512_si256
#define _mm512_cmp_ps_mask seqvit::ops::lanes::cmp_ps_mask
#define _mm512_cvtepi32_epi16 seqvit::ops::lanes::cvtepi32_epi16
#define _mm512_cvtepu16_epi32 seqvit::ops::lanes::cvtepu16_epi32
#define _mm512_cvtne2ps_pbh seqvit::ops::lanes::cvtne2ps_pbh
#define _mm512_cvtneps_pbh seqvit::ops::lanes::cvtneps_pbh
#define _mm512_dpbf16_ps seqvit::ops::lanes::dpbf16_ps
#define _mm512_extracti64x4_epi64 seqvit::ops::lanes::extracti64x4_epi64
#define _mm512_fmadd_ps seqvit::ops::lanes::fmadd_ps
#define _mm512_fmsub_ps seqvit::ops::lanes::fmsub_ps
#define _mm512_load_si512 seqvit::ops::lanes::load_si512
#define _mm512_loadu_ps seqvit::ops::lanes::loadu_ps
#define _mm512_loadu_si512 seqvit::ops::lanes::loadu_si512
#define _mm512_mask_blend_epi32 seqvit::ops::lanes::mask_blend_epi32
#define _mm512_mask_blend_ps seqvit::ops::lanes::mask_blend_ps
#define _mm512_mask_storeu_ps seqvit::ops::lanes::mask_storeu_ps
#define _mm512_maskz_loadu_ps seqvit::ops::lanes::maskz_loadu_ps
#define _mm512_maskz_scalef_ps seqvit::ops::lanes::maskz_scalef_ps
#define _mm512_max_ps seqvit::ops::lanes::max_ps
#define _mm512_min_ps seqvit::ops::lanes::min_ps
#define _mm512_or_si512 seqvit::ops::lanes::or_si512
#define _mm512_permutex2var_epi64 seqvit::ops::lanes::permutex2var_epi64
#define _mm512_permutexvar_epi16 seqvit::ops::lanes::permutexvar_epi16
#define _mm512_reduce_add_ps seqvit::ops::lanes::reduce_add_ps
#define _mm512_reduce_max_ps seqvit::ops::lanes::reduce_max_ps
#define _mm512_reduce_ps seqvit::ops::lanes::reduce_ps
#define _mm512_set1_epi16 seqvit::ops::lanes::set1_epi16
#define _mm512_set1_epi32 seqvit::ops::lanes::set1_epi32
#define _mm512_set1_ps seqvit::ops::lanes::set1_ps
#define _mm512_setr_epi64 seqvit::ops::lanes::setr_epi64
#define _mm512_setzero_ps seqvit::ops::lanes::setzero_ps
#define _mm512_shuffle_i32x4 seqvit::ops::lanes::shuffle_i32x4
#define _mm512_slli_epi32 seqvit::ops::lanes::slli_epi32
#define _mm512_srli_epi32 seqvit::ops::lanes::srli_epi32
#define _mm512_storeu_ps seqvit::ops::lanes::storeu_ps
#define _mm512_storeu_si512 seqvit::ops::lanes::storeu_si512
#define _mm512_unpackhi_epi16 seqvit::ops::lanes::unpackhi_epi16
#define _mm512_unpackhi_epi32 seqvit::ops::lanes::unpackhi_epi32
#define _mm512_unpackhi_epi64 seqvit::ops::lanes::unpackhi_epi64
#define _mm512_unpacklo_epi16 seqvit::ops::lanes::unpacklo_epi16
#define _mm512_unpacklo_epi32 seqvit::ops::lanes::unpacklo_epi32
#define _mm512_unpacklo_epi64 seqvit::ops::lanes::unpacklo_epi64
