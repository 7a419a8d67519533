#include "parallel/cut.h"

#include <gtest/gtest.h>

namespace seqvit::parallel {
namespace {

/// Against the elements found one by one.
TEST(Cut, NamesTheElementsOfAnyRangeOfAnyDim) {
  const std::vector<int64_t> shape = {2, 6, 3};
  for (size_t dim = 0; dim < 3; ++dim) {
    for (const int64_t blocks : {1, 2, 3}) {
      if (shape[dim] % blocks != 0) continue;
      const int64_t length = shape[dim] / blocks;
      for (int64_t begin = 0; begin < length; ++begin) {
        for (int64_t end = begin; end <= length; ++end) {
          const Cut cut = Cut::along(shape, dim, blocks, {begin, end});
          std::vector<int64_t> expected, found;
          for (int64_t i = 0; i < 36; ++i) {
            const int64_t at[] = {i / 18, i / 3 % 6, i % 3};
            if (Range{begin, end}.contains(at[dim] % length)) expected.push_back(i);
          }
          const auto mine = static_cast<int64_t>(expected.size());
          cut.for_each_run({0, mine}, {0, 36}, [&](Range run, int64_t first) {
            EXPECT_EQ(run.begin, static_cast<int64_t>(found.size()));
            for (int64_t i = 0; i < run.size(); ++i)
              found.push_back(first + i);
          });
          EXPECT_EQ(found, expected);
          // Part of mine, part of the whole.
          cut.for_each_run({1, mine - 1}, {7, 29}, [&](Range run, int64_t first) {
            EXPECT_TRUE(run.begin >= 1 && run.end <= mine - 1 && first >= 7 && first + run.size() <= 29);
            EXPECT_EQ(expected[run.begin], first);
            EXPECT_EQ(expected[run.end - 1], first + run.size() - 1);
          });
        }
      }
    }
  }
  EXPECT_TRUE(Cut::none(36).is_whole());
}

}  // namespace
}  // namespace seqvit::parallel
