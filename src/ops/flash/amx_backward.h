/// The backward pass on tiles: one block of keys against all queries. The mathematics is in kernel.h.
///
/// Scores are held transposed, keys down: P^T and dS^T as written are left operands of dV and dK, and dS^T
/// with two keys interleaved is the right operand of dQ^T = K^T dS^T, so nothing is transposed in the inner
/// loops. The -D of dP - D is what a tile starts from. Exponentials of 32 keys by 32 queries come between the
/// products of the next ones.
#pragma once

#include "ops/flash/amx_product.h"
#include "ops/flash/progress.h"

namespace seqvit::ops::flash {
namespace {

template <int64_t kWidth>
struct TileBackward {
  static constexpr int64_t kWords = kWidth / 2;
  static constexpr int64_t kSteps = kWidth / kDepth;
  static constexpr int64_t kPanelRows = 64;  ///< queries packed at a time
  /// Of a unit, and that it takes at a time: long reductions for each load and store of sums.
  static constexpr int64_t kKeys = 256, kQueries = 256;
  static constexpr int64_t kFormWords = kPanelRows * kWords;
  static constexpr int64_t kPanelWords = 4 * kFormWords + 2 * kPanelRows;

  /// A panel of queries and upstream gradients, each in both packed forms, and what goes with a query.
  struct Panel {
    Word *q_columns, *grad_columns, *q_pairs, *grad_pairs;
    float *minus_delta, *lse2;  ///< -D_i; lse_i in log2

    Panel(Word* packed, int64_t index)
        : q_columns(packed + index * kPanelWords),
          grad_columns(q_columns + kFormWords),
          q_pairs(grad_columns + kFormWords),
          grad_pairs(q_pairs + kFormWords),
          minus_delta(reinterpret_cast<float*>(grad_pairs + kFormWords)),
          lse2(minus_delta + kPanelRows) {}
  };
  static int64_t panels(int64_t queries) { return round_up(queries, kPanelRows) / kPanelRows; }
  static int64_t packed_words(int64_t queries) { return panels(queries) * kPanelWords; }
  /// dQ^T, as [queries / 32][kWidth][32].
  static int64_t sum_q_words(int64_t queries) { return round_up(queries, kPanelRows) * kWidth; }
  static int64_t sum_kv_words(int64_t keys) { return round_up(keys, kKeys) * 2 * kWidth; }

  /// A block of keys at work.
  struct State {
    Word *k, *v;               ///< [kKeys][kWords]
    Word* k_transposed;        ///< left tiles of K^T: [kKeys / 32][kWidth / 16]
    uint16_t *p, *ds;          ///< [kKeys][kQueries]
    Word* ds_pairs;            ///< right tiles: [kKeys / 32][kQueries / 16] of 32 keys by 16 queries
    float *grad_k, *grad_v;    ///< [kKeys][kWidth]
    float *scores[2], *dp[2];  ///< [32][32] of scores and of dP - D: one being multiplied, one due

    /// `sum_kv`: where grad_k and grad_v of this block lie, if not in scratch.
    explicit State(Scratch& scratch, float* sum_kv = nullptr)
        : k(scratch.take<Word>(kKeys * kWords)),
          v(scratch.take<Word>(kKeys * kWords)),
          k_transposed(scratch.take<Word>(kKeys * kWords)),
          p(scratch.take<uint16_t>(kKeys * kQueries)),
          ds(scratch.take<uint16_t>(kKeys * kQueries)),
          ds_pairs(scratch.take<Word>(kKeys * kQueries / 2)),
          grad_k(sum_kv != nullptr ? sum_kv : scratch.take<float>(2 * kKeys * kWidth)),
          grad_v(grad_k + kKeys * kWidth),
          scores{scratch.take<float>(kSquare * kSquare), scratch.take<float>(kSquare * kSquare)},
          dp{scratch.take<float>(kSquare * kSquare), scratch.take<float>(kSquare * kSquare)} {}

    Word* pairs_of(int64_t key, int64_t query) const {
      return ds_pairs + (key / kDepth * (kQueries / kLanes) + query / kLanes) * kTileWords;
    }
  };

  static void pack(const BackwardPart& part, int64_t panel, void* memory) {
    Word* rows = Scratch(memory).take<Word>(kPanelRows * kWords);
    const Panel packed(part.packed, panel);
    const int64_t begin = panel * kPanelRows, n = min(kPanelRows, part.queries - begin);
    auto both_forms = [&](const ConstMatrix& from, Word* columns, Word* pairs) {
      pack_rows<Bf16, kWidth>(rows, from, begin, n, kPanelRows, part.head_dim);
      pack_column_tiles<kWidth>(columns, rows, kPanelRows);
      pack_pair_tiles<kWidth>(pairs, rows, kPanelRows);
    };
    both_forms(part.q, packed.q_columns, packed.q_pairs);
    both_forms(part.grad_out, packed.grad_columns, packed.grad_pairs);
    for (int64_t i = 0; i < n; ++i) {
      packed.minus_delta[i] = -dot_of_rows<Bf16>(part.grad_out, part.out, begin + i, part.head_dim);
      packed.lse2[i] = static_cast<float>(part.lse[begin + i] / kLn2);
    }
    for (int64_t i = n; i < kPanelRows; ++i)
      packed.minus_delta[i] = 0.0F, packed.lse2[i] = 1e30F;  // padding: probability zero
    if (part.first_keys)
      std::memset(part.sum_q + begin * kWidth, 0, static_cast<size_t>(kPanelRows * kWidth) * sizeof(float));
  }

  /// P and dS of the 32 keys by 32 queries whose scores and dP - D are there, two keys at a time.
  class Exponentials {
   public:
    /// `real`: keys of the block that are no padding.
    Exponentials(const State& s, float to_log2, int64_t real) : s_(s), to_log2_(to_log2), real_(real) {}

    /// Those of `room`, keys from `row` on, queries from `column` on, are due.
    __attribute__((always_inline)) void begin(int64_t room, int64_t row, int64_t column, const float* lse2) {
      scores_ = s_.scores[room], dp_ = s_.dp[room];
      row_ = row, column_ = column, lse2_ = lse2;
      piece_ = product_ = 0;
    }
    /// Of kProducts: takes the pieces that are due by then.
    __attribute__((always_inline)) void after_product() {
      for (++product_; piece_ * kProducts < product_ * kPieces;)
        take_piece();
    }
    __attribute__((always_inline)) void take_rest() {
      while (piece_ < kPieces)
        take_piece();
    }

   private:
    static constexpr int64_t kPieces = kSquare / 2;
    static constexpr int64_t kProducts = 8 * kSteps;  ///< of tiles, for as many scores and dP

    __attribute__((always_inline)) void take_piece() {
      const int64_t key = row_ + 2 * piece_;
      const float *x = scores_ + 2 * piece_ * kSquare, *y = dp_ + 2 * piece_ * kSquare;
      const Lanes first = key < real_ ? kAllLanes : Lanes{0}, second = key + 1 < real_ ? kAllLanes : Lanes{0};
      const Vector c = splat(to_log2_);
#pragma GCC unroll 2
      for (int64_t j = 0; j < kSquare; j += kLanes) {
        const Vector lse = load(lse2_ + j);
        const Vector p0 = exp2(first, fused_subtract(load(x + j), c, lse)),
                     p1 = exp2(second, fused_subtract(load(x + kSquare + j), c, lse));
        const auto p = Bf16::round(p0, p1), ds = Bf16::round(p0 * load(y + j), p1 * load(y + kSquare + j));
        const int64_t query = column_ + j, at = key * kQueries + query;
        Bf16::store_two_rows(s_.p + at, s_.p + at + kQueries, p);
        Bf16::store_two_rows(s_.ds + at, s_.ds + at + kQueries, ds);
        store_words(s_.pairs_of(key, query) + key % kDepth / 2 * kLanes, Bf16::interleave(ds));
      }
      ++piece_;
    }

    const State& s_;
    float to_log2_;
    int64_t real_;
    const float *scores_ = nullptr, *dp_ = nullptr, *lse2_ = nullptr;
    int64_t row_ = 0, column_ = 0, piece_ = kPieces, product_ = 0;
  };

  /// Tiles 0 to 3 += 32 rows times 32 columns of a panel.
  SEQVIT_INLINE void multiply_square(const Word* rows, const Word* columns, Exponentials& exponentials) {
#pragma GCC unroll 1
    for (int64_t e = 0; e < kSteps; ++e, columns += 2 * kTileWords)
      multiply_2x2(
          rows + e * kLanes, 4 * kWords, columns,
          columns + kTileWords, [&]() __attribute__((always_inline)) { exponentials.after_product(); });
  }

  /// P and dS of keys [0, keys) of the block, `real` of which exist, and `queries` from the panel `first` on.
  SEQVIT_INLINE void take_scores(const BackwardPart& part, const State& s, int64_t real, int64_t keys,
                                 int64_t first, int64_t queries) {
    Exponentials exponentials(s, part.scale * kLog2E, real);
    int64_t room = 0;
    for (int64_t column = 0; column < queries; column += kSquare) {
      const Panel packed(part.packed, first + column / kPanelRows);
      const int64_t within = column % kPanelRows;
      for (int64_t row = 0; row < keys; row += kSquare) {
        tile_load<0>(packed.minus_delta + within, 0);
        tile_load<1>(packed.minus_delta + within + kLanes, 0);
        tile_load<2>(packed.minus_delta + within, 0);
        tile_load<3>(packed.minus_delta + within + kLanes, 0);
        multiply_square(s.v + row * kWords, packed.grad_columns + within * kWords, exponentials);
        store_2x2(s.dp[room], kSquare);
        zero_2x2();
        multiply_square(s.k + row * kWords, packed.q_columns + within * kWords, exponentials);
        store_2x2(s.scores[room], kSquare);
        exponentials.begin(room, row, column, packed.lse2 + within);
        room ^= 1;
      }
    }
    exponentials.take_rest();
  }

  /// C[keys][kWidth] += A[keys][queries] B; `pairs`: of B's first panel.
  static void add_to_keys(float* c, const uint16_t* a, const Word* pairs, int64_t keys, int64_t queries) {
    for (int64_t row = 0; row < keys; row += kSquare)
      for (int64_t e = 0; e < kSteps; ++e) {
        float* at = c + row * kWidth + e * kSquare;
        load_2x2(at, kWidth);
        for (int64_t query = 0; query < queries; query += kDepth) {
          const Word* b = pairs + query / kPanelRows * kPanelWords +
                          (query % kPanelRows / kDepth * kSteps + e) * 2 * kTileWords;
          multiply_2x2(a + row * kQueries + query, 2 * kQueries, b, b + kTileWords);
        }
        store_2x2(at, kWidth);
      }
  }

  /// dQ^T[kWidth][queries] += K^T[kWidth][keys] dS^T[keys][queries].
  static void add_to_queries(float* sum_q, const State& s, int64_t keys, int64_t queries) {
    for (int64_t query = 0; query < queries; query += kSquare)
      for (int64_t e = 0; e < kSteps; ++e) {
        float* at = sum_q + query * kWidth + e * kSquare * kSquare;
        load_2x2(at, kSquare);
        for (int64_t key = 0; key < keys; key += kDepth) {
          const Word* b = s.pairs_of(key, query);
          multiply_2x2(s.k_transposed + (key / kDepth * kSteps + e) * 2 * kTileWords, 64, b, b + kTileWords);
        }
        store_2x2(at, kSquare);
      }
  }

  static void block(const BackwardPart& part, int64_t index, void* memory) {
    const TileShape shape;
    Scratch scratch(memory);
    const State s(scratch, part.sum_kv != nullptr ? part.sum_kv + sum_kv_words(index * kKeys) : nullptr);
    const int64_t first_key = index * kKeys, n = min(kKeys, part.keys - first_key),
                  keys = round_up(n, kSquare), all_queries = round_up(part.queries, kPanelRows);
    pack_rows<Bf16, kWidth>(s.k, part.k, first_key, n, keys, part.head_dim);
    pack_rows<Bf16, kWidth>(s.v, part.v, first_key, n, keys, part.head_dim);
    pack_transposed_tiles<kWidth>(s.k_transposed, s.k, keys);
    if (part.first_queries) {
      std::memset(s.grad_k, 0, static_cast<size_t>(keys * kWidth) * sizeof(float));
      std::memset(s.grad_v, 0, static_cast<size_t>(keys * kWidth) * sizeof(float));
    }

    for (int64_t begin = 0; begin < all_queries; begin += kQueries) {
      const int64_t queries = min(kQueries, all_queries - begin), query_block = begin / kQueries;
      const Panel packed(part.packed, begin / kPanelRows);
      take_scores(part, s, n, keys, begin / kPanelRows, queries);
      add_to_keys(s.grad_v, s.p, packed.grad_pairs, keys, queries);
      add_to_keys(s.grad_k, s.ds, packed.q_pairs, keys, queries);
      if (index > 0) wait_until_above(part.progress[index - 1], query_block);
      add_to_queries(part.sum_q + begin * kWidth, s, keys, queries);
      part.progress[index].store(query_block + 1, std::memory_order_release);
    }

    for (int64_t i = 0; part.last_queries && i < n; ++i) {
      store_scaled_row<Bf16>(part.grad_k, first_key + i, s.grad_k + i * kWidth, part.scale, part.head_dim);
      store_scaled_row<Bf16>(part.grad_v, first_key + i, s.grad_v + i * kWidth, 1.0F, part.head_dim);
    }
  }

  /// Turns dQ^T round, a square of 16 x 16 at a time.
  static void finish_grad_q(const BackwardPart& part, int64_t panel) {
    const int64_t begin = panel * kPanelRows, end = min(begin + kPanelRows, part.queries);
    for (int64_t i = begin; i < end; i += kLanes)
      for (int64_t e = 0; e < part.head_dim; e += kLanes) {
        alignas(64) Word rows[kTileWords];
        const float* from = part.sum_q + i / kSquare * kSquare * kWidth + e * kSquare + i % kSquare;
        transpose(rows, kLanes, reinterpret_cast<const Word*>(from), kSquare);
        for (int64_t r = 0; r < min(kLanes, end - i); ++r)
          store_scaled_row<Bf16>(part.grad_q, i + r, reinterpret_cast<const float*>(rows) + r * kLanes,
                                 part.scale, min(kLanes, part.head_dim - e), e);
      }
  }
};

}  // namespace
}  // namespace seqvit::ops::flash
