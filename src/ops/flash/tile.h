/// Matrix products on register tiles, and the packed forms that they read.
///
/// kWidth is the head width padded to a supported size; a padded row has kWidth / kPerWord words. Two packed
/// forms of a matrix [n, kWidth]:
///  - columns: panels of kTileColumns rows, each transposed to [words of kWidth][kTileColumns]; the right
///    operand of a product that reduces over the head (scores).
///  - pairs: kPerWord rows to a word, chunks of up to kTileColumns columns, each [n / kPerWord][chunk]; the
///    right operand of a product that reduces over n (P V and the like). Chunks, because a power-of-two row
///    length would put all rows of a panel into the same cache sets.
#pragma once

#include "ops/flash/rows.h"

namespace seqvit::ops::flash {
namespace {

/// Keys in forward, queries in backward, are packed so many at a time.
constexpr int64_t kPanel = 64;
constexpr int64_t kTileColumns = kLanes * kTileVectors;
static_assert(kPanel % kTileColumns == 0);
constexpr int64_t kRowUnit = 2 * kTileRows;  ///< queries or keys of a block are padded to a multiple of it
/// A tile has kPieces pairs of vectors. With kInterleave its product over the head is cut in as many steps,
/// and each takes the exponentials of one pair of the tile before; else all of them come first.
constexpr int kPieces = kTileRows * kTileVectors / 2, kSteps = kInterleave ? kPieces : 1;

/// sums[kRows][kVectors] += A[kRows][depth] B[depth][kLanes kVectors], depth in words. kColumnMajor: A is
/// stored [depth][rows] instead of [rows][depth].
template <class T, bool kColumnMajor, int kRows, int kVectors>
SEQVIT_INLINE void multiply(Vector (&sums)[kRows][kVectors], const Word* a, int64_t a_stride, const Word* b,
                            int64_t b_stride, int64_t depth) {
#pragma GCC unroll 4
  for (int64_t k = 0; k < depth; ++k) {
    Words panel[kVectors];
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j) {
      panel[j] = load_words(b + k * b_stride + kLanes * j);
      T::keep_in_register(panel[j]);
    }
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) {
      const Word word = kColumnMajor ? a[k * a_stride + i] : a[i * a_stride + k];
      const Words broadcast = splat_word(word);
#pragma GCC unroll 8
      for (int j = 0; j < kVectors; ++j)
        sums[i][j] = T::multiply_add(sums[i][j], broadcast, panel[j]);
    }
  }
}

template <int kRows, int kVectors>
SEQVIT_INLINE void set_zero(Vector (&sums)[kRows][kVectors]) {
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j)
      sums[i][j] = zero();
}

/// C[kRows][kLanes kVectors] += A B. Each product starts from zero and is added once: half the fp32 rounding
/// error of going on from C.
template <class T, bool kColumnMajor, int kRows, int kVectors>
SEQVIT_INLINE void add_product_tile(float* c, int64_t c_stride, const Word* a, int64_t a_stride,
                                    const Word* b, int64_t b_stride, int64_t depth) {
  Vector sums[kRows][kVectors];
  set_zero(sums);
  multiply<T, kColumnMajor>(sums, a, a_stride, b, b_stride, depth);
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j) {
      float* to = c + i * c_stride + kLanes * j;
      store(to, sums[i][j] + load(to));
    }
}

/// The same for any even number of rows.
template <class T, bool kColumnMajor, int kRows, int kVectors>
__attribute__((noinline)) void add_product_chunk(float* c, int64_t c_stride, const Word* a, int64_t a_stride,
                                                 const Word* b, int64_t b_stride, int64_t depth,
                                                 int64_t rows) {
  auto a_row = [&](int64_t r) { return kColumnMajor ? a + r : a + r * a_stride; };
  int64_t r = 0;
  for (; r + kRows <= rows; r += kRows)
    add_product_tile<T, kColumnMajor, kRows, kVectors>(c + r * c_stride, c_stride, a_row(r), a_stride, b,
                                                       b_stride, depth);
  for (; r < rows; r += 2)
    add_product_tile<T, kColumnMajor, 2, kVectors>(c + r * c_stride, c_stride, a_row(r), a_stride, b,
                                                   b_stride, depth);
}

/// A matrix in pairs form, from one of its word rows on.
struct Pairs {
  const Word* data;
  int64_t word_rows;  ///< of the whole matrix: distance of the chunks
  int64_t first;      ///< word row
};

/// C[rows][kWidth] += A[rows][depth] B: an even number of rows.
template <class T, bool kColumnMajor, int64_t kWidth>
SEQVIT_INLINE void add_product(float* c, const Word* a, int64_t a_stride, const Pairs& b, int64_t depth,
                               int64_t rows) {
  for (int64_t column = 0; column + kTileColumns <= kWidth; column += kTileColumns)
    add_product_chunk<T, kColumnMajor, kTileRows, kTileVectors>(
        c + column, kWidth, a, a_stride, b.data + column * b.word_rows + b.first * kTileColumns, kTileColumns,
        depth, rows);
  constexpr int64_t rest = kWidth % kTileColumns;
  if constexpr (rest != 0) {  // the last columns: more rows keep as many sums busy
    constexpr int kVectors = rest / kLanes, kRows = kTileRows * kTileVectors / kVectors / 2 * 2;
    constexpr int64_t column = kWidth - rest;
    add_product_chunk<T, kColumnMajor, kRows, kVectors>(
        c + column, kWidth, a, a_stride, b.data + column * b.word_rows + b.first * rest, rest, depth, rows);
  }
}

/// kPanel word rows -> panels [words of kWidth][kTileColumns].
template <class T, int64_t kWidth>
void pack_columns(Word* to, const Word* rows) {
  constexpr int64_t kWords = kWidth / T::kPerWord;
  for (int64_t i = 0; i < kPanel; i += kLanes) {
    Word* panel = to + i / kTileColumns * kTileColumns * kWords + i % kTileColumns;
    for (int64_t k = 0; k < kWords; k += kLanes)
      transpose(panel + k * kTileColumns, kTileColumns, rows + i * kWords + k, kWords);
  }
}

/// n word rows -> pairs form of a matrix with `word_rows`, from word row `first` on.
template <class T, int64_t kWidth>
void pack_pairs(Word* to, const Word* rows, int64_t n, int64_t word_rows, int64_t first) {
  constexpr int64_t kWords = kWidth / T::kPerWord;
  for (int64_t i = 0; i < n / T::kPerWord; ++i)
    for (int64_t column = 0; column < kWidth; column += 2 * kLanes) {
      const int64_t chunk = column / kTileColumns * kTileColumns,
                    chunk_width = min(kTileColumns, kWidth - chunk);
      Word* at = to + chunk * word_rows + (first + i) * chunk_width + column - chunk;
      const Word* row = rows + i * T::kPerWord * kWords + column / T::kPerWord;
      if (kWidth - column >= 2 * kLanes)
        T::pair_rows(at, at + kLanes, row, kWords);
      else  // of words that are one number
        store_words(at, load_words(row));
    }
}

}  // namespace
}  // namespace seqvit::ops::flash
