/// fp32 as an element type of the kernel: a word is one number. And bf16 that is computed in fp32, for
/// processors without instructions for it.
#pragma once

#include "ops/flash/vector.h"

namespace seqvit::ops::flash {
namespace {

struct Fp32 {
  using Stored = float;   ///< in the tensors
  using Element = float;  ///< in the kernel
  static constexpr int64_t kPerWord = 1;
  /// Sizes of blocks that keep a block's operands in the second-level cache (flat within 1 %). Where that is
  /// too small for wide heads, as with AVX2 processors, more keys a block read what lies further away less
  /// often.
  static constexpr int64_t kForwardKeys = 128, kBackwardKeys = 96,
                           kWideBackwardKeys = kLanes == 16 ? 48 : 192;

  SEQVIT_INLINE Vector multiply_add(Vector sum, Words a, Words b) {
    return fused_add(as_vector(a), as_vector(b), sum);
  }
  /// GCC would otherwise fold this load into each of the multiplications that use it, and load ports are what
  /// the fp32 product is short of.
  SEQVIT_INLINE void keep_in_register(Words& w) { asm("" : "+v"(w)); }

  /// What a score is measured from, in log2. One fp32 would be too coarse: its error is that of a whole row.
  struct Reference {
    Vector high, low;
  };
  SEQVIT_INLINE Reference reference(const float* high, const float* low) {
    return {flash::load(high), flash::load(low)};
  }
  SEQVIT_INLINE Reference reference(float integer) { return {splat(integer), splat(0.0F)}; }

  /// 2^(score c - reference), capped where kCapped. Once its integer part is known the difference is formed
  /// anew: rounded at the size of the fraction, not of the score.
  template <bool kCapped>
  SEQVIT_INLINE Vector exp2(Vector score, Vector c, const Reference& r) {
    Vector x = maximum(splat(-126.0F), fused_subtract(score, c, r.high));
    if constexpr (kCapped) x = minimum(splat(kSlack), x);
    const Nearest n(x);
    const Vector exact = fused_subtract(score, c, r.high + n.integer());
    // Beyond [-1/2, 1/2] only where x was cut off.
    Vector f = maximum(splat(-0.5F), exact - r.low);
    if constexpr (kCapped) f = minimum(splat(0.5F), f);
    constexpr float error_2e_9[] = {0.0001534581201F, 0.001339993122F, 0.009618488957F, 0.05550328777F,
                                    0.2402264689F,    0.6931472057F,   1.000000001F};
    return n.power_times(polynomial(f, error_2e_9));
  }

  SEQVIT_INLINE Vector load(const float* p, Lanes lanes) { return load_lanes(p, lanes); }
  SEQVIT_INLINE void store(float* p, Lanes lanes, Vector v) { store_lanes(p, lanes, v); }
  SEQVIT_INLINE void scale(float* p, int64_t n, float by) {
    for (int64_t i = 0; i < n; ++i)
      p[i] *= by;
  }

  /// Two vectors as they are stored.
  struct Rounded {
    Vector a, b;
  };
  SEQVIT_INLINE Rounded round(Vector a, Vector b) { return {a, b}; }
  SEQVIT_INLINE Vector add_to_sum(Vector sum, Rounded r) { return sum + (r.a + r.b); }
  SEQVIT_INLINE void store_row(float* to, Rounded r) { store_two_rows(to, to + kLanes, r); }
  SEQVIT_INLINE void store_two_rows(float* first, float* second, Rounded r) {
    flash::store(first, r.a);
    flash::store(second, r.b);
  }
  /// 2 kLanes columns of a word row, made of kPerWord rows that lie `stride` words apart: half each at
  /// `first` and `second`.
  SEQVIT_INLINE void pair_rows(Word* first, Word* second, const Word* row, int64_t /*stride*/) {
    store_words(first, load_words(row));
    store_words(second, load_words(row + kLanes));
  }
};

struct WidenedBf16 : Fp32 {
  using Stored = uint16_t;
  SEQVIT_INLINE Vector load(const uint16_t* p, Lanes lanes) { return load_bf16(p, lanes); }
  SEQVIT_INLINE void store(uint16_t* p, Lanes lanes, Vector v) { store_bf16(p, lanes, v); }
};

}  // namespace
}  // namespace seqvit::ops::flash
