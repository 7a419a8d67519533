/// What all element types and both widths of registers share: 2^x and a thread's scratch memory.
///
/// Compiled with instruction-set flags, so everything is in an anonymous namespace (no copy may end up in
/// code that runs on other processors), and nothing of the standard library that would emit code is used.
#pragma once

#include <cstdint>
#include <cstring>

#include "ops/flash/kernel.h"

#define SEQVIT_INLINE static inline __attribute__((always_inline))

#ifdef __AVX512F__
#include "ops/flash/avx512.h"
#else
#include "ops/flash/avx2.h"
#endif

namespace seqvit::ops::flash {
namespace {

constexpr float kLog2E = 1.4426950408889634F;
constexpr double kLn2 = 0.6931471805599453;

SEQVIT_INLINE constexpr int64_t round_up(int64_t n, int64_t to) {
  return (n + to - 1) / to * to;
}
SEQVIT_INLINE constexpr int64_t min(int64_t a, int64_t b) {
  return a < b ? a : b;
}

/// Largest log2 of a probability that is meant: its reference may lag behind a row's maximum by so much.
constexpr float kSlack = 12.0F;

/// The nearest integer n of x in [-126, 127]. Adding 1.5 x 2^23 rounds, and leaves n in the low bits of the
/// sum.
struct Nearest {
  explicit Nearest(Vector x) : shifted(x + splat(kMagic)) {}
  Vector integer() const { return shifted - splat(kMagic); }
  /// v 2^n for v around 1.
  Vector power_times(Vector v) const { return add_to_exponent(v, shifted); }
  static constexpr float kMagic = 12582912.0F;
  Vector shifted;
};

/// c[0] x^n + ... + c[n].
template <int kCoefficients>
SEQVIT_INLINE Vector polynomial(Vector x, const float (&c)[kCoefficients]) {
  Vector p = splat(c[0]);
#pragma GCC unroll 8
  for (int i = 1; i < kCoefficients; ++i)
    p = fused_add(p, x, splat(c[i]));
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
}  // namespace seqvit::ops::flash
