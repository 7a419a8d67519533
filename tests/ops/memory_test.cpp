#include "ops/memory.h"

#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include "ops/arena.h"

namespace seqvit {
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
  EXPECT_EQ(arena.high_water(), 9 * kMiB);
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

TEST(Arena, GivesNothingWhereTheSystemRefuses) {
  Arena arena(0);
  size_t bytes = 1;
  EXPECT_EQ(arena.allocate(bytes), nullptr);
  EXPECT_FALSE(arena.owns(&bytes));
}

}  // namespace
}  // namespace seqvit
