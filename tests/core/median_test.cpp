#include "core/median.h"

#include <cmath>

#include <gtest/gtest.h>

namespace seqvit {
namespace {

TEST(Median, IsTheMiddleValueAndNaNForNone) {
  EXPECT_EQ(median({3.0, 1.0, 2.0}), 2.0);
  EXPECT_TRUE(std::isnan(median({})));
}

}  // namespace
}  // namespace seqvit
