/// The 3 x 3 neighbours of a rank's part of the sequence: which are its own, which others have, and who they
/// are.
///
/// When to use it: by whatever reads a token's surroundings (parallel/halo.h fetches what is not here,
/// ops/depthwise.h reads it). What is counted are units (partition.h: a token, or the tokens of a patch that
/// stay together). Neighbours of a unit stand at its own place of the patches around it, so they are of the
/// same variables. Longitude closes where the grid goes round the globe; at the poles and at the borders of a
/// region the edge stands for what lies beyond it.
///
/// To be a neighbour is mutual, with an edge that stands for itself too. So one walk over my units finds what
/// I need of others and what they need of me; a rank asks nobody. Cost: a few steps for each unit of mine
/// within two rows of patches of an end of my share, however many ranks there are. Memory: a number for each
/// unit that is given or taken.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "grid/partition.h"

namespace seqvit::grid {

/// Taps of a 3 x 3 window, north-west first, rows outermost; 4 is the middle.
inline constexpr int kTaps = 9, kMiddleTap = 4;

/// A unit's window.
struct Window {
  std::array<int64_t, kTaps> unit;  ///< who is read at each tap: mine [0, size), others' from size on
  /// By which of its taps that neighbour reads this unit: every such pair once.
  std::array<int, kTaps> reads_me;
  /// Where the edge stands for what lies beyond it: before the first row, after the last; the same of
  /// columns.
  bool north = false, south = false, west = false, east = false;
};

class Neighbourhood {
 public:
  /// Of rank `index` of `count` that share out the sequence as make_slab does. `periodic`: columns go round
  /// the globe.
  Neighbourhood(const TokenGrid& grid, bool periodic, int64_t index, int64_t count);

  /// A rank that has neighbours of mine, and so needs some of mine.
  struct Peer {
    int64_t rank = 0;
    std::vector<int64_t> gives;  ///< units of mine that it needs, numbered from my first, in order
    int64_t takes = 0;           ///< units of its that I need: the next so many of the halo
  };
  /// In the order of ranks.
  const std::vector<Peer>& peers() const { return peers_; }

  int64_t size() const { return mine_.size(); }                        ///< units of mine
  int64_t halo() const { return static_cast<int64_t>(halo_.size()); }  ///< units of others next to mine
  /// Units of mine whose neighbours are certainly mine.
  Range interior() const { return interior_; }

  /// Calls f(unit, its window) for units of mine, in order.
  template <typename F>
  void for_each(Range units, const F& f) const {
    Walk at = start(units.begin);
    for (int64_t unit = units.begin; unit < units.end; ++unit) {
      f(unit, window(at));
      next(at);
    }
  }

 private:
  /// Where a unit stands.
  struct Walk {
    int64_t row, column, member;  ///< of the grid of patches; in the patch
  };
  int64_t rows_, columns_, members_;
  bool periodic_;
  Range mine_;                 // of all units
  Range interior_;             // numbered from my first
  std::vector<int64_t> halo_;  // of all units, in order
  std::vector<Peer> peers_;

  Walk start(int64_t unit) const {
    const int64_t at = mine_.begin + unit, patch = at / members_;
    return {patch / columns_, patch % columns_, at % members_};
  }
  void next(Walk& at) const {
    if (++at.member < members_) return;
    at.member = 0;
    if (++at.column < columns_) return;
    at.column = 0;
    ++at.row;
  }
  /// Units of the window, of all units.
  std::array<int64_t, kTaps> positions(const Walk& at) const {
    const int64_t rows[3] = {std::max<int64_t>(at.row - 1, 0), at.row, std::min(at.row + 1, rows_ - 1)};
    const int64_t west = at.column > 0 ? at.column - 1
                         : periodic_   ? columns_ - 1
                                       : 0,
                  east = at.column + 1 < columns_ ? at.column + 1
                         : periodic_              ? 0
                                                  : at.column;
    const int64_t columns[3] = {west, at.column, east};
    std::array<int64_t, kTaps> all;
    for (int tap = 0; tap < kTaps; ++tap)
      all[tap] = (rows[tap / 3] * columns_ + columns[tap % 3]) * members_ + at.member;
    return all;
  }
  int64_t find(int64_t position) const {
    if (mine_.contains(position)) return position - mine_.begin;
    return size() + (std::lower_bound(halo_.begin(), halo_.end(), position) - halo_.begin());
  }
  Window window(const Walk& at) const {
    Window w{positions(at),
             {},
             at.row == 0,
             at.row == rows_ - 1,
             !periodic_ && at.column == 0,
             !periodic_ && at.column == columns_ - 1};
    for (int64_t& unit : w.unit)
      unit = find(unit);
    for (int tap = 0; tap < kTaps; ++tap) {
      // A neighbour to the north reads me by its south; an edge that stands for what is north of it reads
      // itself by its north.
      const int row = tap / 3, column = tap % 3;
      const bool same_row = (row == 0 && w.north) || (row == 2 && w.south),
                 same_column = (column == 0 && w.west) || (column == 2 && w.east);
      w.reads_me[tap] = 3 * (same_row ? row : 2 - row) + (same_column ? column : 2 - column);
    }
    return w;
  }
};

}  // namespace seqvit::grid
