#include "grid/neighbourhood.h"

#include <map>
#include <set>

#include <gtest/gtest.h>

namespace seqvit::grid {
namespace {

// (rows, columns, patch, tokens a patch, tokens a unit): even and uneven, one row, one and two columns,
// several variables.
const TokenGrid kGrids[] = {{48, 96, 8, 1, 1}, {25, 53, 8, 1, 1}, {7, 16, 2, 3, 1}, {9, 7, 3, 4, 4},
                            {4, 40, 4, 1, 1},  {40, 4, 4, 1, 1},  {12, 8, 4, 2, 1}};

/// The unit of all units that a window's tap reads, straight from the definition.
int64_t neighbour(const TokenGrid& grid, bool periodic, int64_t unit, int tap) {
  const int64_t members = grid.tokens_per_patch / grid.tokens_per_unit, columns = grid.patch_columns();
  const int64_t row = std::clamp<int64_t>(unit / members / columns + tap / 3 - 1, 0, grid.patch_rows() - 1);
  int64_t column = unit / members % columns + tap % 3 - 1;
  column = periodic ? (column + columns) % columns : std::clamp<int64_t>(column, 0, columns - 1);
  return (row * columns + column) * members + unit % members;
}

template <typename F>
void for_each_case(const F& f) {
  for (const TokenGrid& grid : kGrids) {
    for (const bool periodic : {false, true}) {
      for (const int64_t ranks : {1, 2, 3, 4, 5, 8}) {
        SCOPED_TRACE(testing::Message()
                     << grid.patch_rows() << " x " << grid.patch_columns() << " x " << grid.tokens_per_patch
                     << " tokens, periodic " << periodic << ", ranks " << ranks);
        if (grid.units() >= ranks) f(grid, periodic, ranks);
      }
    }
  }
}

TEST(Neighbourhood, WindowsAreThoseOfTheGridAndWhatIsNotMineComesFromItsOwner) {
  for_each_case([](const TokenGrid& grid, bool periodic, int64_t ranks) {
    std::map<int64_t, Neighbourhood> all;
    for (int64_t rank = 0; rank < ranks; ++rank)
      all.emplace(rank, Neighbourhood(grid, periodic, rank, ranks));
    for (const auto& [rank, near] : all) {
      const Range mine = share(grid.units(), rank, ranks);
      ASSERT_EQ(near.size(), mine.size());
      std::vector<int64_t> whose;  // of all units, what each number of a window means
      for (int64_t unit = mine.begin; unit < mine.end; ++unit)
        whose.push_back(unit);
      int64_t before = -1;
      for (const Neighbourhood::Peer& peer : near.peers()) {
        EXPECT_GT(peer.rank, before);
        EXPECT_NE(peer.rank, rank);
        before = peer.rank;
        // What it gives me, by its own account.
        const auto& theirs = all.at(peer.rank).peers();
        const auto me =
            std::find_if(theirs.begin(), theirs.end(), [&, r = rank](const auto& p) { return p.rank == r; });
        ASSERT_TRUE(me != theirs.end());
        ASSERT_EQ(std::ssize(me->gives), peer.takes);
        for (const int64_t unit : me->gives)
          whose.push_back(share(grid.units(), peer.rank, ranks).begin + unit);
      }
      ASSERT_EQ(std::ssize(whose), near.size() + near.halo());
      std::set<int64_t> used;
      int64_t next = 0;
      near.for_each({0, near.size()}, [&](int64_t unit, const Window& window) {
        EXPECT_EQ(unit, next++);
        for (int tap = 0; tap < kTaps; ++tap) {
          EXPECT_EQ(whose.at(window.unit[tap]), neighbour(grid, periodic, mine.begin + unit, tap));
          EXPECT_TRUE(window.unit[tap] < near.size() || !near.interior().contains(unit));
          used.insert(window.unit[tap]);
        }
        EXPECT_EQ(window.unit[kMiddleTap], unit);
      });
      EXPECT_EQ(next, near.size());
      EXPECT_EQ(std::ssize(used), near.size() + near.halo()) << "nothing is taken that is not read";
    }
  });
}

TEST(Neighbourhood, EveryReadIsKnownToWhomIsRead) {
  for (const TokenGrid& grid : kGrids) {
    for (const bool periodic : {false, true}) {
      std::multiset<std::array<int64_t, 3>> reads, found;  // reader, tap, who is read
      const Neighbourhood near(grid, periodic, 0, 1);
      near.for_each({0, near.size()}, [&](int64_t unit, const Window& window) {
        for (int tap = 0; tap < kTaps; ++tap) {
          reads.insert({unit, tap, window.unit[tap]});
          found.insert({window.unit[tap], window.reads_me[tap], unit});
        }
      });
      EXPECT_EQ(reads, found);
    }
  }
}

TEST(Neighbourhood, OfLargeSharesMeetsTheRanksBeforeAndAfterAlone) {
  const TokenGrid grid{721, 1440, 1, 1, 1};
  const Neighbourhood near(grid, true, 700, 2048);  // less than a row each: 506 or 507 of 1,440
  EXPECT_LE(near.halo(), 2 * 1440 + 4);
  EXPECT_LE(near.peers().size(), 10U);
  const Neighbourhood wide(grid, true, 3, 8);
  EXPECT_EQ(wide.peers().size(), 2U);
  EXPECT_GT(wide.interior().size(), wide.size() - 4 * 1440);
}

}  // namespace
}  // namespace seqvit::grid
