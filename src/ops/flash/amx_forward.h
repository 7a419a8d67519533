/// The forward pass on tiles: one block of queries against all keys. The mathematics is in kernel.h.
///
/// Tiles multiply many times as fast as vectors, so exponentials weigh as much as products, and both units
/// have to be busy at the same time. Hence a pipeline of three: of one group of queries at one panel of keys
/// the scores are multiplied, of the one before it the exponentials are taken, of the one before that the
/// values are added, a row of exponentials after each product.
#pragma once

#include "ops/flash/amx_softmax.h"

namespace seqvit::ops::flash {
namespace {

template <int64_t kWidth>
struct TileForward {
  static constexpr int64_t kWords = kWidth / 2;
  static constexpr int64_t kSteps = kWidth / kDepth;  ///< products along the head; two tiles each across it
  /// Keys of a panel. Sums are loaded and stored once a panel: wide heads, bound by tiles, are faster by a
  /// fifth with longer ones.
  static constexpr int64_t kPanelRows = kWidth > 64 ? 128 : 64;
  /// Queries of a unit; those of a group go through the pipeline together. A group visits a stretch of panels
  /// before the next group does, so that it finds the keys in the second-level cache.
  static constexpr int64_t kQueries = 128, kGroup = kSquare, kStretch = 512 / kPanelRows;
  static constexpr int64_t kPanelWords = kPanelRows * kWords;
  static constexpr int64_t kProducts = kPanelRows / 4 * kSteps;  ///< of tiles, in a turn of the pipeline

  /// A group of queries at a panel of keys: what a stage of the pipeline works on, if anything.
  struct Station {
    int64_t group = -1, panel = -1;
    bool exists() const { return group >= 0; }
    int64_t first_query() const { return group * kGroup; }
  };

  struct State {
    Word* q;                     ///< [kQueries][kWords]
    float* scores[2];            ///< [kGroup][kPanelRows], of two stations
    uint16_t* probabilities[2];  ///< the same
    TileSoftmax<kWidth, kPanelRows> softmax;

    explicit State(Scratch& scratch)
        : q(scratch.take<Word>(kQueries * kWords)),
          scores{scratch.take<float>(kGroup * kPanelRows), scratch.take<float>(kGroup * kPanelRows)},
          probabilities{scratch.take<uint16_t>(kGroup * kPanelRows),
                        scratch.take<uint16_t>(kGroup * kPanelRows)},
          softmax(scratch, kQueries) {}
  };

  static int64_t panels(int64_t keys) { return round_up(keys, kPanelRows) / kPanelRows; }
  /// Keys as columns, then values as pairs.
  static int64_t packed_words(int64_t keys) { return 2 * panels(keys) * kPanelWords; }
  static Word* packed_keys(const ForwardHead& head, int64_t panel) {
    return head.packed + panel * kPanelWords;
  }
  static Word* packed_values(const ForwardHead& head, int64_t panel) {
    return packed_keys(head, panels(head.keys) + panel);
  }

  static void pack(const ForwardHead& head, int64_t panel, void* memory) {
    Word* rows = Scratch(memory).take<Word>(kPanelWords);
    const int64_t begin = panel * kPanelRows, n = min(kPanelRows, head.keys - begin);
    pack_rows<Bf16, kWidth>(rows, head.k, begin, n, kPanelRows, head.head_dim);
    pack_column_tiles<kWidth>(packed_keys(head, panel), rows, kPanelRows);
    pack_rows<Bf16, kWidth>(rows, head.v, begin, n, kPanelRows, head.head_dim);
    pack_pair_tiles<kWidth>(packed_values(head, panel), rows, kPanelRows);
  }

  /// The exponentials of a station in a turn of the pipeline, row by row.
  class Exponentials {
   public:
    Exponentials(const State& s, const Station& at, const float* scores, uint16_t* probabilities,
                 float to_log2)
        : s_(s),
          scores_(scores),
          probabilities_(probabilities),
          to_log2_(to_log2),
          first_query_(at.first_query()),
          row_(at.exists() ? 0 : kGroup) {}

    /// Of kProducts: takes the rows that are due by then.
    __attribute__((always_inline)) void after_product() {
      for (++product_; row_ * kProducts < product_ * kGroup;)
        take_row();
    }
    __attribute__((always_inline)) void take_rest() {
      while (row_ < kGroup)
        take_row();
    }

   private:
    __attribute__((always_inline)) void take_row() {
      s_.softmax.take_row(scores_ + row_ * kPanelRows, probabilities_ + row_ * kPanelRows,
                          first_query_ + row_, to_log2_);
      ++row_;
    }

    const State& s_;
    const float* scores_;
    uint16_t* probabilities_;
    float to_log2_;
    int64_t first_query_, row_, product_ = 0;
  };

  SEQVIT_INLINE void multiply_scores(const ForwardHead& head, const State& s, const Station& at,
                                     float* scores, Exponentials& exponentials) {
    const Word *q = s.q + at.first_query() * kWords, *k = packed_keys(head, at.panel);
    for (int64_t column = 0; column < kPanelRows; column += kSquare) {
      zero_2x2();
#pragma GCC unroll 1
      for (int64_t e = 0; e < kSteps; ++e, k += 2 * kTileWords)
        multiply_2x2(
            q + e * kLanes, 4 * kWords, k,
            k + kTileWords, [&]() __attribute__((always_inline)) { exponentials.after_product(); });
      store_2x2(scores + column, kPanelRows);
    }
  }

  SEQVIT_INLINE void add_values(const ForwardHead& head, const State& s, const Station& at,
                                const uint16_t* probabilities, Exponentials& exponentials) {
    float* out = s.softmax.out + at.first_query() * kWidth;
    const Word* values = packed_values(head, at.panel);
#pragma GCC unroll 1
    for (int64_t e = 0; e < kSteps; ++e) {
      load_2x2(out + e * kSquare, kWidth);
#pragma GCC unroll 1
      for (int64_t key = 0; key < kPanelRows; key += kDepth) {
        const Word* v = values + (key / kDepth * kSteps + e) * 2 * kTileWords;
        multiply_2x2(
            probabilities + key, 2 * kPanelRows, v,
            v + kTileWords, [&]() __attribute__((always_inline)) { exponentials.after_product(); });
      }
      store_2x2(out + e * kSquare, kWidth);
    }
  }

  /// One turn of the pipeline. Which of the two rooms for scores and probabilities is whose changes with
  /// every turn.
  SEQVIT_INLINE void turn(const ForwardHead& head, const State& s, int64_t parity, const Station& scores,
                          const Station& exponentials, const Station& values) {
    const float to_log2 = head.scale * kLog2E;
    float* due = s.scores[parity ^ 1];
    uint16_t *made = s.probabilities[parity ^ 1], *pending = s.probabilities[parity];
    if (exponentials.exists()) {
      s.softmax.hide_padding(due, head.keys - exponentials.panel * kPanelRows);
      s.softmax.raise_references(due, exponentials.first_query(),
                                 values.group == exponentials.group ? pending : nullptr, to_log2);
    }
    Exponentials work(s, exponentials, due, made, to_log2);
    if (scores.exists()) multiply_scores(head, s, scores, s.scores[parity], work);
    if (values.exists()) add_values(head, s, values, pending, work);
    work.take_rest();
  }

  static void block(const ForwardHead& head, int64_t index, void* memory) {
    const TileShape shape;
    Scratch scratch(memory);
    const State s(scratch);
    const int64_t begin = index * kQueries, n = min(kQueries, head.queries - begin),
                  rows = round_up(n, kGroup);
    pack_rows<Bf16, kWidth>(s.q, head.q, begin, n, rows, head.head_dim);
    s.softmax.begin(rows);

    Station before, long_before;
    int64_t parity = 0;
    auto push = [&](const Station& next) {
      turn(head, s, parity, next, before, long_before);
      long_before = before, before = next, parity ^= 1;
    };
    const int64_t all = panels(head.keys);
    for (int64_t first = 0; first < all; first += kStretch)
      for (int64_t group = 0; group < rows / kGroup; ++group)
        for (int64_t panel = first; panel < min(first + kStretch, all); ++panel)
          push({group, panel});
    push({});
    push({});

    s.softmax.finish(head, begin, n);
  }
};

}  // namespace
}  // namespace seqvit::ops::flash
