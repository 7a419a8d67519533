#include "data/block_cache.h"

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

namespace seqvit::data {
namespace {

float first_of(BlockCache& cache, int64_t block, const std::function<void(float*)>& load) {
  return cache.get({0, 0, block, {0, 4}}, 1, load)[0];
}

TEST(BlockCache, KeepsTheMostRecentlyUsedWithinTheBudget) {
  BlockCache cache(3 * sizeof(float));
  int loads = 0;
  const auto load = [&](float* out) { *out = static_cast<float>(++loads); };
  for (const int64_t block : {1, 2, 3})
    first_of(cache, block, load);
  EXPECT_EQ(first_of(cache, 1, load), 1.0F);
  EXPECT_EQ(first_of(cache, 4, load), 4.0F);  // pushes 2 out
  EXPECT_EQ(first_of(cache, 1, load), 1.0F);
  EXPECT_EQ(first_of(cache, 3, load), 3.0F);
  EXPECT_EQ(first_of(cache, 2, load), 5.0F);
  EXPECT_TRUE(cache.fits(12));
  EXPECT_FALSE(cache.fits(13));
  EXPECT_EQ(cache.get({0, 0, 2, {0, 5}}, 1, load)[0], 6.0F) << "other rows are another block";
}

TEST(BlockCache, FailureIsTriedAgain) {
  BlockCache cache(100);
  EXPECT_THROW(first_of(cache, 1, [](float*) { throw std::runtime_error("no"); }), std::runtime_error);
  EXPECT_EQ(first_of(cache, 1, [](float* out) { *out = 7; }), 7.0F);
}

TEST(BlockCache, ThreadsLoadABlockOnce) {
  BlockCache cache(100);
  std::atomic<int> loads = 0;
  const auto load = [&](float* out) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    *out = static_cast<float>(++loads);
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] { EXPECT_EQ(first_of(cache, 1, load), 1.0F); });
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(loads, 1);
}

TEST(BlockCache, ABlockInUseSurvivesItsEviction) {
  BlockCache cache(sizeof(float));
  const auto held = cache.get({0, 0, 1, {0, 1}}, 1, [](float* out) { *out = 1; });
  first_of(cache, 2, [](float* out) { *out = 2; });
  EXPECT_EQ(held[0], 1.0F);
}

}  // namespace
}  // namespace seqvit::data
