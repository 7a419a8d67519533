/// Products on tiles, the packed forms that they read, and 2^x between them.
///
/// Two by two tiles at a time, [32][32] of a result: four loads for four products. More does not fit eight
/// registers, less is bound by loads. Packed forms are sequences of tiles of 1 KiB, each read in one piece:
///  - columns of a panel, the right operand of a product that reduces over the head: [rows / 32][kWidth /
///    32][2] tiles of 32 dimensions by 16 rows;
///  - pairs of a panel, the right operand of a product that reduces over the panel: [rows / 32][kWidth / 16]
///    tiles of 32 rows by 16 dimensions.
#pragma once

#include "ops/flash/amx_tiles.h"
#include "ops/flash/element_bf16.h"
#include "ops/flash/rows.h"

namespace seqvit::ops::flash {
namespace {

constexpr int64_t kDepth = 32;               ///< bf16 that a product of tiles reduces over
constexpr int64_t kTileWords = 16 * kLanes;  ///< of a tile
constexpr int64_t kSquare = 32;              ///< rows and columns of two by two tiles
constexpr Lanes kAllLanes = 0xffff;

/// Tiles 0 to 3, [2][2], += the 32 rows of `a` from there on, `a_stride` bytes apart, times two right tiles.
/// `between` is done after each of the four products: vector instructions and products run at the same time
/// only if they alternate in the stream, since the processor looks no further ahead than some 500
/// instructions.
template <class Between>
SEQVIT_INLINE void multiply_2x2(const void* a, int64_t a_stride, const Word* right, const Word* next_right,
                                Between between) {
  tile_load<6>(right, 64);
  tile_load<4>(a, a_stride);
  tile_multiply<0, 4, 6>();
  between();
  tile_load<7>(next_right, 64);
  tile_multiply<1, 4, 7>();
  between();
  tile_load<5>(static_cast<const char*>(a) + 16 * a_stride, a_stride);
  tile_multiply<2, 5, 6>();
  between();
  tile_multiply<3, 5, 7>();
  between();
}
SEQVIT_INLINE void multiply_2x2(const void* a, int64_t a_stride, const Word* right, const Word* next_right) {
  multiply_2x2(a, a_stride, right, next_right, [] {});
}
SEQVIT_INLINE void zero_2x2() {
  tile_zero<0>();
  tile_zero<1>();
  tile_zero<2>();
  tile_zero<3>();
}
/// [32][32] of a matrix of fp32 whose rows are `stride` elements apart.
SEQVIT_INLINE void load_2x2(const float* c, int64_t stride) {
  tile_load<0>(c, 4 * stride);
  tile_load<1>(c + 16, 4 * stride);
  tile_load<2>(c + 16 * stride, 4 * stride);
  tile_load<3>(c + 16 * stride + 16, 4 * stride);
}
SEQVIT_INLINE void store_2x2(float* c, int64_t stride) {
  tile_store<0>(c, 4 * stride);
  tile_store<1>(c + 16, 4 * stride);
  tile_store<2>(c + 16 * stride, 4 * stride);
  tile_store<3>(c + 16 * stride + 16, 4 * stride);
}

/// 2^x, zero outside `lanes`. Two instructions cut x into 2^fraction 2^floor(x) and put no limits on it:
/// infinity and zero are reached by themselves.
SEQVIT_INLINE Vector exp2(Lanes lanes, Vector x) {
  constexpr float error_3e_6[] = {0.013534167781472206F, 0.052011460065841675F, 0.2414427548646927F,
                                  0.6930038332939148F, 1.0000026226043701F};
  const Vector fraction = _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
  return _mm512_maskz_scalef_ps(lanes, polynomial(fraction, error_3e_6), x);
}

/// `n` word rows of kWidth, a multiple of 32, in columns form.
template <int64_t kWidth>
void pack_column_tiles(Word* to, const Word* rows, int64_t n) {
  constexpr int64_t kWords = kWidth / 2;
  for (int64_t i = 0; i < n; i += kSquare)
    for (int64_t word = 0; word < kWords; word += kLanes)
      for (int64_t half = 0; half < 2; ++half, to += kTileWords)
        transpose(to, kLanes, rows + (i + half * kLanes) * kWords + word, kWords);
}

/// The same in pairs form.
template <int64_t kWidth>
void pack_pair_tiles(Word* to, const Word* rows, int64_t n) {
  constexpr int64_t kWords = kWidth / 2;
  for (int64_t i = 0; i < n; i += kDepth)
    for (int64_t word = 0; word < kWords; word += kLanes, to += 2 * kTileWords)
      for (int64_t pair = 0; pair < kLanes; ++pair)
        Bf16::pair_rows(to + pair * kLanes, to + kTileWords + pair * kLanes,
                        rows + (i + 2 * pair) * kWords + word, kWords);
}

/// The transpose of the same as left operand of a product that reduces over the rows: [n / 32][kWidth / 16]
/// tiles of 16 dimensions by 32 rows.
template <int64_t kWidth>
void pack_transposed_tiles(Word* to, const Word* rows, int64_t n) {
  alignas(64) Word pairs[kWidth / kLanes * kTileWords];
  for (int64_t i = 0; i < n; i += kDepth) {
    pack_pair_tiles<kWidth>(pairs, rows + i * kWidth / 2, kDepth);
    for (int64_t tile = 0; tile < kWidth / kLanes; ++tile, to += kTileWords)
      transpose(to, kLanes, pairs + tile * kTileWords, kLanes);
  }
}

}  // namespace
}  // namespace seqvit::ops::flash
