#include "core/random.h"

#include <cmath>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace seqvit {
namespace {

TEST(Random, DependsOnKeyAndCounterOnly) {
  const uint64_t key = random_key(7, "blocks.0.attn.qkv.weight");
  EXPECT_EQ(uniform(key, 5), uniform(key, 5));
  EXPECT_NE(uniform(key, 5), uniform(key, 6));
  EXPECT_NE(key, random_key(8, "blocks.0.attn.qkv.weight"));
  EXPECT_NE(key, random_key(7, "blocks.1.attn.qkv.weight"));
}

TEST(Random, UniformAndNormalHaveTheirMoments) {
  const int n = 100000;
  double uniform_sum = 0, normal_sum = 0, normal_squares = 0;
  for (int i = 0; i < n; ++i) {
    const double u = uniform(3, i), z = normal(3, i);
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    uniform_sum += u, normal_sum += z, normal_squares += z * z;
  }
  EXPECT_NEAR(uniform_sum / n, 0.5, 0.005);
  EXPECT_NEAR(normal_sum / n, 0.0, 0.015);
  EXPECT_NEAR(normal_squares / n, 1.0, 0.02);
}

TEST(Random, TruncatedNormalIsTheSameInPieces) {
  std::vector<float> whole(1000), piece(300);
  fill_truncated_normal(whole, 0.02, 11);
  fill_truncated_normal(piece, 0.02, 11, 500);
  for (int i = 0; i < 300; ++i)
    EXPECT_EQ(piece[i], whole[500 + i]);
  for (const float value : whole)
    EXPECT_LE(std::abs(value), 0.04F);
}

TEST(Random, PermutedIsABijection) {
  for (const int64_t count : {1, 2, 3, 7, 64, 100, 1459}) {
    std::set<int64_t> seen;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t value = permuted(random_key(1, "order"), i, count);
      EXPECT_GE(value, 0);
      EXPECT_LT(value, count);
      seen.insert(value);
    }
    EXPECT_EQ(static_cast<int64_t>(seen.size()), count);
  }
}

}  // namespace
}  // namespace seqvit
