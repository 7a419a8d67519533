#include "ops/memory.h"

#include <algorithm>
#include <cstring>
#include <unistd.h>
#include <utility>
#include <vector>

#include <ATen/ops/empty.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include "ops/arena.h"

namespace seqvit::ops {
namespace {

TEST(Memory, CountsWhatTensorsHoldAndItsPeak) {
  install_tensor_allocator();
  const int64_t before = tensor_bytes();
  reset_peak_tensor_bytes();
  constexpr int64_t kBytes = 3 << 20;
  {
    const at::Tensor a = at::empty({kBytes}, at::kByte);
    EXPECT_GE(tensor_bytes() - before, kBytes);
    EXPECT_LT(tensor_bytes() - before, kBytes + (64 << 10));
    const at::Tensor b = at::empty({kBytes}, at::kByte);
  }
  EXPECT_EQ(tensor_bytes(), before);
  EXPECT_GE(peak_tensor_bytes() - before, 2 * kBytes);
  reset_peak_tensor_bytes();
  EXPECT_EQ(peak_tensor_bytes(), before);
}

TEST(Arena, TakesTheLowestGapThatHolds) {
  constexpr size_t kMiB = 1 << 20;
  Arena arena(16 * kMiB);
  auto take = [&](size_t bytes) { return static_cast<char*>(arena.allocate(bytes)); };
  char* const a = take(2 * kMiB);
  char* const b = take(3 * kMiB);
  char* const c = take(4 * kMiB);
  EXPECT_EQ(b - a, 2 * kMiB);
  a[0] = b[3 * kMiB - 1] = 1;  // can be written
  EXPECT_EQ(arena.release(a), 2 * kMiB);
  EXPECT_EQ(arena.release(b), 3 * kMiB);
  EXPECT_EQ(take(5 * kMiB), a);  // the two gaps are one
  EXPECT_EQ(take(8 * kMiB), nullptr);
  EXPECT_EQ(arena.release(c), 4 * kMiB);
  EXPECT_EQ(take(8 * kMiB), c);
  EXPECT_TRUE(arena.owns(c));
  EXPECT_FALSE(arena.owns(&arena));
}

TEST(Spans, JoinWhereTheyTouchAndSplitWhereTheyAreCut) {
  using Pairs = std::vector<std::pair<size_t, size_t>>;
  Spans spans;
  auto all = [&] { return Pairs(spans.begin(), spans.end()); };
  spans.add(10, 20);
  spans.add(40, 50);
  spans.add(60, 70);
  spans.add(20, 25);
  EXPECT_EQ(all(), (Pairs{{10, 25}, {40, 50}, {60, 70}}));
  spans.add(25, 60);
  EXPECT_EQ(all(), (Pairs{{10, 70}}));
  EXPECT_EQ(spans.remove(0, 10), 0U);
  EXPECT_EQ(spans.remove(5, 15), 5U);
  EXPECT_EQ(spans.remove(30, 40), 10U);
  EXPECT_EQ(spans.remove(65, 90), 5U);
  EXPECT_EQ(all(), (Pairs{{15, 30}, {40, 65}}));
  EXPECT_EQ(spans.remove(0, 100), 40U);
  EXPECT_TRUE(spans.empty());
}

/// Pages of this range that the system holds.
size_t system_bytes(void* begin, size_t bytes) {
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> pages(bytes / page);
  EXPECT_EQ(::mincore(begin, bytes, pages.data()), 0);
  return page * static_cast<size_t>(std::count_if(pages.begin(), pages.end(), [](auto p) { return p & 1; }));
}

// Two blocks live while a third, larger than the gap between them, cannot use it: the gap goes back.
TEST(Arena, GapsCostAddressesNotMemory) {
  constexpr size_t kMiB = 1 << 20;
  Arena arena(256 * kMiB);
  auto take = [&](size_t bytes) {
    void* const block = arena.allocate(bytes);
    std::memset(block, 1, bytes);
    return block;
  };
  void* const first = take(8 * kMiB);
  for (int step = 0; step < 3; ++step) {
    void* const a = take(32 * kMiB);
    void* const b = take(16 * kMiB);
    arena.release(a);
    EXPECT_EQ(arena.resident(), (step == 0 ? 56 : 64) * kMiB);  // kept for the next
    void* const c = take(40 * kMiB);
    EXPECT_EQ(arena.resident(), 64 * kMiB);
    EXPECT_LE(system_bytes(first, 128 * kMiB), 66 * kMiB);  // a huge page more at most
    EXPECT_EQ(static_cast<char*>(b)[16 * kMiB - 1], 1);
    arena.release(b);
    arena.release(c);
    EXPECT_EQ(arena.resident(), 64 * kMiB);
  }
}

TEST(Arena, KeepsAsMuchAsItMaySpare) {
  constexpr size_t kMiB = 1 << 20;
  Arena arena(64 * kMiB, 3 * kMiB);
  auto take = [&](size_t bytes) { return arena.allocate(bytes); };
  void* const a = take(8 * kMiB);
  void* const b = take(4 * kMiB);
  arena.release(a);
  void* const c = take(10 * kMiB);  // not in the gap
  EXPECT_EQ(arena.resident(), 17 * kMiB);
  arena.release(b);
  arena.trim();
  EXPECT_EQ(arena.resident(), 10 * kMiB);
  arena.release(c);
  void* const d = take(11 * kMiB);  // below where c was; what blocks took before the trim is forgotten
  EXPECT_EQ(arena.resident(), 14 * kMiB);
  arena.release(d);
}

TEST(Arena, GivesNothingWhereTheSystemRefuses) {
  Arena arena(0);
  size_t bytes = 1;
  EXPECT_EQ(arena.allocate(bytes), nullptr);
  EXPECT_FALSE(arena.owns(&bytes));
}

}  // namespace
}  // namespace seqvit::ops
