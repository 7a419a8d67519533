/// Messages that differ in numbers only are one reason, with the nearest as its example.
#include "plan/reasons.h"

#include <gtest/gtest.h>

namespace seqvit::plan {
namespace {

TEST(Reasons, AreGroupedByTheirWordsAndKeepTheNearest) {
  Reasons reasons;
  ParallelConfig far, near;
  far.sp = 64, near.sp = 16;
  reasons.add("sp 64 is more than 8 heads", far, 64);
  reasons.add("sp 16 is more than 8 heads", near, 16);
  reasons.add("sp 128 is more than 8 heads", far, 128);
  reasons.add("too large", near, 1);
  const auto sorted = reasons.sorted();
  ASSERT_EQ(sorted.size(), 2u);
  EXPECT_EQ(sorted[0].reason, "sp N is more than N heads");
  EXPECT_EQ(sorted[0].count, 3);
  EXPECT_EQ(sorted[0].nearest, "sp 16 is more than 8 heads");
  EXPECT_EQ(sorted[0].layout, "pp 1 x dp 1 x sp 16 x tp 1, ulysses");
  EXPECT_EQ(sorted[1].count, 1);
}

}  // namespace
}  // namespace seqvit::plan
