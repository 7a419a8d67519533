/// What both element types share: 512-bit registers and 2^x.
///
/// Compiled with instruction-set flags, so everything is in an anonymous namespace (no copy may end up in
/// code that runs on other processors), and nothing of the standard library that would emit code is used.
#pragma once

#include <cstdint>
#include <cstring>
#include <immintrin.h>

#include "ops/flash/kernel.h"

#define SEQVIT_INLINE static inline __attribute__((always_inline))

namespace seqvit::flash {
namespace {

using Vector = __m512;  ///< 16 fp32
using Words = __m512i;  ///< 16 words

constexpr float kLog2E = 1.4426950408889634F;
constexpr double kLn2 = 0.6931471805599453;

SEQVIT_INLINE constexpr int64_t round_up(int64_t n, int64_t to) {
  return (n + to - 1) / to * to;
}
SEQVIT_INLINE constexpr int64_t min(int64_t a, int64_t b) {
  return a < b ? a : b;
}
/// The first n of 16 lanes.
SEQVIT_INLINE __mmask16 first_lanes(int64_t n) {
  return n >= 16 ? 0xffff : n <= 0 ? 0 : static_cast<__mmask16>((1 << n) - 1);
}
SEQVIT_INLINE Vector splat(float x) {
  return _mm512_set1_ps(x);
}

/// Largest log2 of a probability that is meant: its reference may lag behind a row's maximum by so much.
constexpr float kSlack = 12.0F;

/// The nearest integer n of x in [-126, 127]. Adding 1.5 x 2^23 rounds, and leaves n in the low bits of the
/// sum.
struct Nearest {
  explicit Nearest(Vector x) : shifted(_mm512_add_ps(x, splat(kMagic))) {}
  Vector integer() const { return _mm512_sub_ps(shifted, splat(kMagic)); }
  /// v 2^n for v around 1: n is added to the exponent.
  Vector power_times(Vector v) const {
    return _mm512_castsi512_ps(
        _mm512_add_epi32(_mm512_castps_si512(v), _mm512_slli_epi32(_mm512_castps_si512(shifted), 23)));
  }
  static constexpr float kMagic = 12582912.0F;
  Vector shifted;
};

/// c[0] x^n + ... + c[n].
template <int kCoefficients>
SEQVIT_INLINE Vector polynomial(Vector x, const float (&c)[kCoefficients]) {
  Vector p = splat(c[0]);
#pragma GCC unroll 8
  for (int i = 1; i < kCoefficients; ++i)
    p = _mm512_fmadd_ps(p, x, splat(c[i]));
  return p;
}

/// Cuts a thread's scratch memory into 64-byte aligned arrays; with a null base it only counts.
class Scratch {
 public:
  explicit Scratch(void* base) : base_(reinterpret_cast<uintptr_t>(base)) {}
  template <typename T>
  T* take(int64_t count) {
    T* here = reinterpret_cast<T*>(base_ + size_);
    size_ += static_cast<size_t>(round_up(count * static_cast<int64_t>(sizeof(T)), 64));
    return here;
  }
  size_t size() const { return size_; }

 private:
  uintptr_t base_;
  size_t size_ = 0;
};

}  // namespace
}  // namespace seqvit::flash
