/// The backward pass: one block of keys against all queries. The mathematics is in kernel.h.
#pragma once

#include "ops/flash/progress.h"
#include "ops/flash/tile.h"

namespace seqvit::ops::flash {
namespace {

template <class T, int64_t kWidth>
struct Backward {
  using Element = typename T::Element;
  static constexpr int64_t kWords = kWidth / T::kPerWord;
  static constexpr int64_t kPanelRows = kPanel;
  static constexpr int64_t kQueries = 128, kKeys = kWidth > 96 ? T::kWideBackwardKeys : T::kBackwardKeys;
  /// Adding up dQ needs dS with keys paired into words; fp32's dS serves as it is.
  static constexpr bool kPairsKeys = T::kPerWord > 1;

  /// Packed queries and upstream gradients, in both forms, and what goes with each query.
  struct Packed {
    int64_t queries;  ///< padded to panels
    Word *q_columns, *grad_columns, *q_pairs, *grad_pairs;
    float *delta, *lse2, *lse2_low;  ///< D_i; lse_i in log2, and what its rounding left

    explicit Packed(const BackwardPart& part) : queries(round_up(part.queries, kPanel)) {
      const int64_t words = queries * kWords;
      q_columns = part.packed, grad_columns = q_columns + words;
      q_pairs = grad_columns + words, grad_pairs = q_pairs + words;
      delta = reinterpret_cast<float*>(grad_pairs + words), lse2 = delta + queries;
      lse2_low = lse2 + queries;
    }
  };
  static int64_t packed_words(int64_t queries) { return round_up(queries, kPanel) * (4 * kWords + 3); }
  static int64_t sum_q_words(int64_t queries) { return round_up(queries, kPanel) * kWidth; }
  static int64_t sum_kv_words(int64_t keys) { return round_up(keys, kKeys) * 2 * kWidth; }

  /// A block of keys at work. P and dS are transposed: [kKeys + kTileRows][kQueries]; the last rows take the
  /// exponentials "of the tile before the first".
  struct State {
    Word *k_rows, *v_rows, *k_pairs;
    Element *p, *ds;
    Word* ds_pairs;          ///< [kKeys / kPerWord][kQueries]
    float *grad_k, *grad_v;  ///< [kKeys][kWidth]
    float *scores, *dp;      ///< [kTileRows][kTileColumns] of the tile that is due: scores, and dP - D

    /// `sum_kv`: where grad_k and grad_v of this block lie, if not in scratch.
    explicit State(Scratch& scratch, float* sum_kv = nullptr)
        : k_rows(scratch.take<Word>(kKeys * kWords)),
          v_rows(scratch.take<Word>(kKeys * kWords)),
          k_pairs(scratch.take<Word>(kKeys * kWords)),
          p(scratch.take<Element>((kKeys + kTileRows) * kQueries)),
          ds(scratch.take<Element>((kKeys + kTileRows) * kQueries)),
          ds_pairs(scratch.take<Word>(kPairsKeys ? (kKeys + kTileRows) / T::kPerWord * kQueries : 0)),
          grad_k(sum_kv != nullptr ? sum_kv : scratch.take<float>(2 * kKeys * kWidth)),
          grad_v(grad_k + kKeys * kWidth),
          scores(scratch.take<float>(kTileRows * kTileColumns)),
          dp(scratch.take<float>(kTileRows * kTileColumns)) {}
  };

  static void pack(const BackwardPart& part, int64_t panel, void* memory) {
    Word* rows = Scratch(memory).take<Word>(kPanel * kWords);
    const Packed packed(part);
    const int64_t begin = panel * kPanel, n = min(kPanel, part.queries - begin);
    auto both_forms = [&](const ConstMatrix& from, Word* columns, Word* pairs) {
      pack_rows<T, kWidth>(rows, from, begin, n, kPanel, part.head_dim);
      pack_columns<T, kWidth>(columns + begin * kWords, rows);
      pack_pairs<T, kWidth>(pairs, rows, kPanel, packed.queries / T::kPerWord, begin / T::kPerWord);
    };
    both_forms(part.q, packed.q_columns, packed.q_pairs);
    both_forms(part.grad_out, packed.grad_columns, packed.grad_pairs);
    for (int64_t i = begin; i < begin + kPanel; ++i) {
      const bool real = i < begin + n;
      packed.delta[i] = real ? dot_of_rows<T>(part.grad_out, part.out, i, part.head_dim) : 0.0F;
      const double lse2 = real ? part.lse[i] / kLn2 : 1e30;  // padding: probability zero
      packed.lse2[i] = static_cast<float>(lse2);
      packed.lse2_low[i] = static_cast<float>(lse2 - packed.lse2[i]);
    }
    for (int64_t i = begin * kWidth; part.first_keys && i < (begin + kPanel) * kWidth; ++i)
      part.sum_q[i] = 0.0F;
  }

  /// P and dS of keys [0, keys) of the block and queries [begin, begin + queries), into s.p, s.ds and
  /// s.ds_pairs.
  SEQVIT_INLINE void take_scores(const BackwardPart& part, const Packed& packed, const State& s, int64_t keys,
                                 int64_t begin, int64_t queries) {
    const float to_log2 = part.scale * kLog2E;
    int64_t due_row = kKeys, due_column = 0;  // the tile whose exponentials are due
    auto exponentials = [&](int piece) __attribute__((always_inline)) {  // of two keys and kLanes queries
      const int64_t i = piece / kTileVectors * 2, j = piece % kTileVectors * kLanes;
      const float *x = s.scores + i * kTileColumns + j, *y = s.dp + i * kTileColumns + j;
      const int64_t query = begin + due_column + j;
      const auto lse = T::reference(packed.lse2 + query, packed.lse2_low + query);
      const Vector c = splat(to_log2);
      // Capped: keys that are padding have score 0, which may be far above lse.
      auto probability = [&](const float* score) __attribute__((always_inline)) {
        return T::template exp2<true>(load(score), c, lse);
      };
      const Vector p0 = probability(x), p1 = probability(x + kTileColumns);
      const auto p = T::round(p0, p1), ds = T::round(p0 * load(y), p1 * load(y + kTileColumns));
      const int64_t row = due_row + i, at = row * kQueries + due_column + j;
      T::store_two_rows(s.p + at, s.p + at + kQueries, p);
      T::store_two_rows(s.ds + at, s.ds + at + kQueries, ds);
      if constexpr (kPairsKeys)
        store_words(s.ds_pairs + row / T::kPerWord * kQueries + due_column + j, T::interleave(ds));
    };
    for (int64_t column = 0; column < queries; column += kTileColumns) {
      const int64_t at = begin + column;
      const Word *q_panel = packed.q_columns + at * kWords, *grad_panel = packed.grad_columns + at * kWords;
      for (int64_t row = 0; row < keys; row += kTileRows) {
        Vector tile[kTileRows][kTileVectors];
        set_zero(tile);
#pragma GCC unroll 1
        for (int step = 0; step < kSteps; ++step) {
#pragma GCC unroll 1
          for (int piece = step; piece < kPieces; piece += kSteps)
            exponentials(piece);
          constexpr int64_t depth = kWords / kSteps;
          multiply<T, false>(tile, s.v_rows + row * kWords + step * depth, kWords,
                             grad_panel + step * depth * kTileColumns, kTileColumns, depth);
        }
#pragma GCC unroll 8
        for (int i = 0; i < kTileRows; ++i)
#pragma GCC unroll 8
          for (int j = 0; j < kTileVectors; ++j)
            store(s.dp + i * kTileColumns + kLanes * j, tile[i][j] - load(packed.delta + at + kLanes * j));
        set_zero(tile);
        multiply<T, false>(tile, s.k_rows + row * kWords, kWords, q_panel, kTileColumns, kWords);
#pragma GCC unroll 8
        for (int i = 0; i < kTileRows; ++i)
#pragma GCC unroll 8
          for (int j = 0; j < kTileVectors; ++j)
            store(s.scores + i * kTileColumns + kLanes * j, tile[i][j]);
        due_row = row, due_column = column;
      }
    }
    for (int piece = 0; piece < kPieces; ++piece)
      exponentials(piece);
  }

  static void block(const BackwardPart& part, int64_t index, void* memory) {
    Scratch scratch(memory);
    const State s(scratch, part.sum_kv != nullptr ? part.sum_kv + sum_kv_words(index * kKeys) : nullptr);
    const Packed packed(part);
    const int64_t first_key = index * kKeys, n = min(kKeys, part.keys - first_key),
                  keys = round_up(n, kRowUnit);
    pack_rows<T, kWidth>(s.k_rows, part.k, first_key, n, keys, part.head_dim);
    pack_rows<T, kWidth>(s.v_rows, part.v, first_key, n, keys, part.head_dim);
    pack_pairs<T, kWidth>(s.k_pairs, s.k_rows, keys, kKeys / T::kPerWord, 0);
    for (int64_t i = 0; part.first_queries && i < keys * kWidth; ++i)
      s.grad_k[i] = s.grad_v[i] = 0.0F;
    for (int64_t i = 0; i < kTileRows * kTileColumns; ++i)
      s.scores[i] = s.dp[i] = 0.0F;

    for (int64_t begin = 0; begin < packed.queries; begin += kQueries) {
      const int64_t queries = min(kQueries, packed.queries - begin), words = queries / T::kPerWord;
      take_scores(part, packed, s, keys, begin, queries);
      auto rows = [&](const Word* pairs) {
        return Pairs{pairs, packed.queries / T::kPerWord, begin / T::kPerWord};
      };
      constexpr int64_t stride = kQueries / T::kPerWord;
      add_product<T, false, kWidth>(s.grad_v, reinterpret_cast<const Word*>(s.p), stride,
                                    rows(packed.grad_pairs), words, keys);
      add_product<T, false, kWidth>(s.grad_k, reinterpret_cast<const Word*>(s.ds), stride,
                                    rows(packed.q_pairs), words, keys);
      const int64_t query_block = begin / kQueries;
      if (index > 0) wait_until_above(part.progress[index - 1], query_block);
      add_product<T, true, kWidth>(part.sum_q + begin * kWidth,
                                   kPairsKeys ? s.ds_pairs : reinterpret_cast<const Word*>(s.ds), kQueries,
                                   {s.k_pairs, kKeys / T::kPerWord, 0}, keys / T::kPerWord, queries);
      part.progress[index].store(query_block + 1, std::memory_order_release);
    }

    for (int64_t i = 0; part.last_queries && i < n; ++i) {
      store_scaled_row<T>(part.grad_k, first_key + i, s.grad_k + i * kWidth, part.scale, part.head_dim);
      store_scaled_row<T>(part.grad_v, first_key + i, s.grad_v + i * kWidth, 1.0F, part.head_dim);
    }
  }

  static void finish_grad_q(const BackwardPart& part, int64_t panel) {
    const int64_t begin = panel * kPanel, end = min(begin + kPanel, part.queries);
    for (int64_t i = begin; i < end; ++i)
      store_scaled_row<T>(part.grad_q, i, part.sum_q + i * kWidth, part.scale, part.head_dim);
  }
};

}  // namespace
}  // namespace seqvit::ops::flash
