#include "core/partition.h"

#include <gtest/gtest.h>

namespace seqvit {
namespace {

TEST(Share, TilesEveryRangeOnceAndEvenly) {
  for (int64_t total = 0; total < 40; ++total) {
    for (int64_t parts = 1; parts < 12; ++parts) {
      int64_t at = 0;
      const auto sizes = share_sizes(total, parts);
      for (int64_t i = 0; i < parts; ++i) {
        const Range range = share(total, i, parts);
        EXPECT_EQ(range.begin, at);
        EXPECT_EQ(range.size(), sizes[i]);
        EXPECT_LE(sizes[0] - range.size(), 1);
        for (int64_t item = range.begin; item < range.end; ++item)
          EXPECT_EQ(share_of(total, item, parts), i);
        at = range.end;
      }
      EXPECT_EQ(at, total);
    }
  }
}

}  // namespace
}  // namespace seqvit
