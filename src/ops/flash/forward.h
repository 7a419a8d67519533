/// The forward pass: one block of queries against all keys. The mathematics is in kernel.h.
#pragma once

#include "ops/flash/tile.h"

namespace seqvit::ops::flash {
namespace {

template <class T, int64_t kWidth>
struct Forward {
  using Element = typename T::Element;
  static constexpr int64_t kWords = kWidth / T::kPerWord;
  static constexpr int64_t kPanelRows = kPanel;
  static constexpr int64_t kQueries = 96, kKeys = T::kForwardKeys;
  static constexpr float kNothingYet = -1e30F;  ///< reference before the first key; also the score of padding

  /// What a block of queries carries from key block to key block. The last kTileRows rows belong to no query:
  /// they take the exponentials "of the tile before the first".
  struct State {
    Word* q;                 ///< [kQueries][kWords]
    Element* probabilities;  ///< [kQueries + kTileRows][kKeys]
    float* out;              ///< [kQueries][kWidth], times 2^reference
    float* scores;           ///< [kTileRows][kTileColumns] of the tile whose exponentials are due
    Vector *sum, *rounded_sum;
    float *reference, *threshold;  ///< threshold: the score above which the reference has to move

    explicit State(Scratch& scratch)
        : q(scratch.take<Word>(kQueries * kWords)),
          probabilities(scratch.take<Element>((kQueries + kTileRows) * kKeys)),
          out(scratch.take<float>(kQueries * kWidth)),
          scores(scratch.take<float>(kTileRows * kTileColumns)),
          sum(scratch.take<Vector>(kQueries + kTileRows)),
          rounded_sum(scratch.take<Vector>(kQueries + kTileRows)),
          reference(scratch.take<float>(kQueries + kTileRows)),
          threshold(scratch.take<float>(kQueries + kTileRows)) {}
  };

  static int64_t panels(int64_t keys) { return round_up(keys, kPanel) / kPanel; }
  /// Keys as columns, then values as pairs.
  static int64_t packed_words(int64_t keys) { return 2 * panels(keys) * kPanel * kWords; }
  static Word* packed_values(const ForwardHead& head) { return head.packed + packed_words(head.keys) / 2; }

  static void pack(const ForwardHead& head, int64_t panel, void* memory) {
    Word* rows = Scratch(memory).take<Word>(kPanel * kWords);
    const int64_t begin = panel * kPanel, n = min(kPanel, head.keys - begin);
    pack_rows<T, kWidth>(rows, head.k, begin, n, kPanel, head.head_dim);
    pack_columns<T, kWidth>(head.packed + begin * kWords, rows);
    pack_rows<T, kWidth>(rows, head.v, begin, n, kPanel, head.head_dim);
    pack_pairs<T, kWidth>(packed_values(head), rows, kPanel, panels(head.keys) * kPanel / T::kPerWord,
                          begin / T::kPerWord);
  }

  /// The rare path: moves a row's reference up to its new maximum; all that was summed for the row, and the
  /// probabilities of this block before `column`, are scaled by the same power of two.
  __attribute__((noinline)) static void raise_reference(const State& s, int64_t row, float largest,
                                                        float to_log2, int64_t column) {
    const float reference = __builtin_ceilf(largest * to_log2), before = s.reference[row];
    const float exponent = before - reference;
    const float factor =
        before == kNothingYet ? 0.0F : __builtin_exp2f(exponent < -200.0F ? -200.0F : exponent);
    s.sum[row] = s.sum[row] * splat(factor);
    s.rounded_sum[row] = s.rounded_sum[row] * splat(factor);
    for (int64_t e = 0; e < kWidth; ++e)
      s.out[row * kWidth + e] *= factor;
    T::scale(s.probabilities + row * kKeys, column, factor);
    s.reference[row] = reference;
    s.threshold[row] = (reference + kSlack) / to_log2;
  }

  /// Probabilities of queries [0, rows) and keys [begin, begin + count), both padded, into s.probabilities.
  SEQVIT_INLINE void take_probabilities(const ForwardHead& head, const State& s, int64_t begin, int64_t count,
                                        int64_t rows) {
    const float to_log2 = head.scale * kLog2E;
    int64_t due_row = kQueries, due_column = 0;                          // the tile whose scores wait
    auto exponentials = [&](int piece) __attribute__((always_inline)) {  // of two vectors of a row
      const int64_t row = due_row + 2 * piece / kTileVectors,
                    column = due_column + 2 * piece % kTileVectors * kLanes;
      const float* x = s.scores + 2 * kLanes * piece;
      const auto reference = T::reference(s.reference[row]);
      const Vector c = splat(to_log2);
      const Vector a = T::template exp2<false>(load(x), c, reference),
                   b = T::template exp2<false>(load(x + kLanes), c, reference);
      const auto rounded = T::round(a, b);
      T::store_row(s.probabilities + row * kKeys + column, rounded);
      s.sum[row] = s.sum[row] + (a + b);
      if constexpr (T::kPerWord > 1) s.rounded_sum[row] = T::add_to_sum(s.rounded_sum[row], rounded);
    };
    for (int64_t column = 0; column < count; column += kTileColumns) {
      const Word* panel = head.packed + (begin + column) * kWords;
      const int64_t real_keys = head.keys - (begin + column);
      for (int64_t row = 0; row < rows; row += kTileRows) {
        Vector tile[kTileRows][kTileVectors];
        set_zero(tile);
#pragma GCC unroll 1
        for (int step = 0; step < kSteps; ++step) {
#pragma GCC unroll 1
          for (int piece = step; piece < kPieces; piece += kSteps)
            exponentials(piece);
          constexpr int64_t depth = kWords / kSteps;
          multiply<T, false>(tile, s.q + row * kWords + step * depth, kWords,
                             panel + step * depth * kTileColumns, kTileColumns, depth);
        }
        if (__builtin_expect(real_keys < kTileColumns, 0)) {
          for (int i = 0; i < kTileRows; ++i)
            for (int j = 0; j < kTileVectors; ++j)
              tile[i][j] = select(first_lanes(real_keys - kLanes * j), tile[i][j], splat(kNothingYet));
        }
        Vector largest[kTileRows];
        int above = 0;
#pragma GCC unroll 8
        for (int i = 0; i < kTileRows; ++i) {
          largest[i] = maximum(tile[i][0], tile[i][1]);
          if constexpr (kTileVectors == 4) largest[i] = maximum(largest[i], maximum(tile[i][2], tile[i][3]));
          above |= any_above(largest[i], splat(s.threshold[row + i]));
#pragma GCC unroll 8
          for (int j = 0; j < kTileVectors; ++j)
            store(s.scores + i * kTileColumns + kLanes * j, tile[i][j]);
        }
        if (__builtin_expect(above, 0)) {
          for (int i = 0; i < kTileRows; ++i) {
            const float m = maximum_of(largest[i]);
            if (m > s.threshold[row + i]) raise_reference(s, row + i, m, to_log2, column);
          }
        }
        due_row = row, due_column = column;
      }
    }
    for (int piece = 0; piece < kPieces; ++piece)
      exponentials(piece);
  }

  static void block(const ForwardHead& head, int64_t index, void* memory) {
    Scratch scratch(memory);
    const State s(scratch);
    const int64_t begin = index * kQueries, n = min(kQueries, head.queries - begin),
                  rows = round_up(n, kRowUnit);
    pack_rows<T, kWidth>(s.q, head.q, begin, n, rows, head.head_dim);
    for (int64_t i = 0; i < kTileRows * kTileColumns; ++i)
      s.scores[i] = 0.0F;
    for (int64_t i = 0; i < rows * kWidth; ++i)
      s.out[i] = 0.0F;
    for (int64_t i = 0; i < kQueries + kTileRows; ++i) {
      s.sum[i] = s.rounded_sum[i] = zero();
      s.reference[i] = s.threshold[i] = i < kQueries ? kNothingYet : 0.0F;
    }

    const int64_t keys = panels(head.keys) * kPanel;
    for (int64_t key = 0; key < keys; key += kKeys) {
      const int64_t count = min(kKeys, keys - key);
      take_probabilities(head, s, key, count, rows);
      add_product<T, false, kWidth>(
          s.out, reinterpret_cast<const Word*>(s.probabilities), kKeys / T::kPerWord,
          {packed_values(head), keys / T::kPerWord, key / T::kPerWord}, count / T::kPerWord, rows);
    }

    for (int64_t i = 0; i < n; ++i) {
      const float sum = sum_of(s.sum[i]), divisor = T::kPerWord > 1 ? sum_of(s.rounded_sum[i]) : sum;
      head.lse[begin + i] =
          static_cast<float>((static_cast<double>(s.reference[i]) + __builtin_log2(sum)) * kLn2);
      store_scaled_row<T>(head.out, begin + i, s.out + i * kWidth, 1.0F / divisor, head.head_dim);
    }
  }
};

}  // namespace
}  // namespace seqvit::ops::flash
