/// Matrix products on register tiles, and the packed forms that they read.
///
/// kWidth is the head width padded to a supported size; a padded row has kWidth / kPerWord words. Two packed
/// forms of a matrix [n, kWidth]:
///  - columns: panels of 64 rows, each transposed to [words of kWidth][64]; the right operand of a product
///  that
///    reduces over the head (scores).
///  - pairs: kPerWord rows to a word, chunks of up to 64 columns, each [n / kPerWord][chunk]; the right
///  operand of
///    a product that reduces over n (P V and the like). Chunks, because a power-of-two row length would put
///    all rows of a panel into the same cache sets.
#pragma once

#include "ops/flash/vector.h"

namespace seqvit::flash {
namespace {

constexpr int kTileRows =
    4;  ///< with 4 vectors across: 16 sums, 4 panel vectors and a broadcast fit 32 registers

/// sums[kRows][16 kVectors] += A[kRows][depth] B[depth][16 kVectors], depth in words. kColumnMajor: A is
/// stored [depth][rows] instead of [rows][depth].
template <class T, bool kColumnMajor, int kRows, int kVectors>
SEQVIT_INLINE void multiply(Vector (&sums)[kRows][kVectors], const Word* a, int64_t a_stride, const Word* b,
                            int64_t b_stride, int64_t depth) {
#pragma GCC unroll 4
  for (int64_t k = 0; k < depth; ++k) {
    Words panel[kVectors];
#pragma GCC unroll 8
    for (int j = 0; j < kVectors; ++j) {
      panel[j] = _mm512_loadu_si512(b + k * b_stride + 16 * j);
      T::keep_in_register(panel[j]);
    }
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) {
      const Word word = kColumnMajor ? a[k * a_stride + i] : a[i * a_stride + k];
      const Words broadcast = _mm512_set1_epi32(static_cast<int>(word));
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
      sums[i][j] = _mm512_setzero_ps();
}

/// C[rows][16 kVectors] += A B. Each product starts from zero and is added once: half the fp32 rounding error
/// of going on from C.
template <class T, bool kColumnMajor, int kRows, int kVectors>
__attribute__((noinline)) void add_product_chunk(float* c, int64_t c_stride, const Word* a, int64_t a_stride,
                                                 const Word* b, int64_t b_stride, int64_t depth,
                                                 int64_t rows) {
  for (int64_t r = 0; r < rows; r += kRows) {
    Vector sums[kRows][kVectors];
    set_zero(sums);
    multiply<T, kColumnMajor>(sums, kColumnMajor ? a + r : a + r * a_stride, a_stride, b, b_stride, depth);
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 8
      for (int j = 0; j < kVectors; ++j) {
        float* to = c + (r + i) * c_stride + 16 * j;
        _mm512_storeu_ps(to, _mm512_add_ps(sums[i][j], _mm512_loadu_ps(to)));
      }
  }
}

/// A matrix in pairs form, from one of its word rows on.
struct Pairs {
  const Word* data;
  int64_t word_rows;  ///< of the whole matrix: distance of the chunks
  int64_t first;      ///< word row
};

/// C[rows][kWidth] += A[rows][depth] B: rows a multiple of 8.
template <class T, bool kColumnMajor, int64_t kWidth>
SEQVIT_INLINE void add_product(float* c, const Word* a, int64_t a_stride, const Pairs& b, int64_t depth,
                               int64_t rows) {
  for (int64_t column = 0; column + 64 <= kWidth; column += 64)
    add_product_chunk<T, kColumnMajor, kTileRows, 4>(
        c + column, kWidth, a, a_stride, b.data + column * b.word_rows + b.first * 64, 64, depth, rows);
  if constexpr (kWidth % 64 != 0) {  // the last 32 columns: twice the rows keep as many sums busy
    constexpr int64_t column = kWidth - 32;
    add_product_chunk<T, kColumnMajor, 2 * kTileRows, 2>(
        c + column, kWidth, a, a_stride, b.data + column * b.word_rows + b.first * 32, 32, depth, rows);
  }
}

/// Rows [begin, begin + n) of a matrix as word rows padded with zeros to kWidth, and with zero rows up to
/// `padded`.
template <class T, int64_t kWidth>
void pack_rows(Word* to, const ConstMatrix& from, int64_t begin, int64_t n, int64_t padded,
               int64_t head_dim) {
  using Element = typename T::Element;
  auto* out = reinterpret_cast<Element*>(to);
  const auto* in = static_cast<const Element*>(from.data) + begin * from.stride;
  const auto row_bytes = static_cast<size_t>(head_dim) * sizeof(Element);
  for (int64_t i = 0; i < n; ++i) {
    std::memcpy(out + i * kWidth, in + i * from.stride, row_bytes);
    std::memset(out + i * kWidth + head_dim, 0, kWidth * sizeof(Element) - row_bytes);
  }
  std::memset(out + n * kWidth, 0, static_cast<size_t>(padded - n) * kWidth * sizeof(Element));
}

/// 64 word rows -> [words of kWidth][64].
template <class T, int64_t kWidth>
void pack_columns(Word* to, const Word* rows) {
  constexpr int64_t kWords = kWidth / T::kPerWord;
  const Words lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const Words offsets = _mm512_mullo_epi32(_mm512_set1_epi32(static_cast<int>(kWords)), lane);
  for (int64_t i = 0; i < kPanel; i += 16)
    for (int64_t k = 0; k < kWords; ++k)
      _mm512_storeu_si512(to + k * kPanel + i, _mm512_i32gather_epi32(offsets, rows + i * kWords + k, 4));
}

/// n word rows -> pairs form of a matrix with `word_rows`, from word row `first` on.
template <class T, int64_t kWidth>
void pack_pairs(Word* to, const Word* rows, int64_t n, int64_t word_rows, int64_t first) {
  constexpr int64_t kWords = kWidth / T::kPerWord;
  for (int64_t i = 0; i < n / T::kPerWord; ++i)
    for (int64_t column = 0; column < kWidth; column += 32) {
      const int64_t chunk = column / 64 * 64, chunk_width = min(64, kWidth - chunk);
      T::pair_rows(to + chunk * word_rows + (first + i) * chunk_width + column - chunk,
                   rows + i * T::kPerWord * kWords + column / T::kPerWord, kWords);
    }
}

/// One fp32 row times a factor, rounded to the element type.
template <class T>
SEQVIT_INLINE void store_scaled_row(const Matrix& to, int64_t row, const float* values, float factor,
                                    int64_t n) {
  auto* out = static_cast<typename T::Element*>(to.data) + row * to.stride;
  for (int64_t e = 0; e < n; e += 16)
    T::store(out + e, first_lanes(n - e), _mm512_mul_ps(_mm512_loadu_ps(values + e), splat(factor)));
}

}  // namespace
}  // namespace seqvit::flash
