#include "core/resident.h"

#include <cstring>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>

namespace seqvit {
namespace {

TEST(Resident, PeakCountsWhatWasTouchedSinceTheReset) {
  constexpr size_t kBytes = 64 << 20;
  constexpr int64_t kSome = 32 << 20;
  const int64_t before = resident_bytes();
  void* const p = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(p, MAP_FAILED);
  std::memset(p, 1, kBytes);
  EXPECT_GT(resident_bytes(), before + kSome);
  ::munmap(p, kBytes);
  EXPECT_LT(resident_bytes(), before + kSome);
  EXPECT_GT(peak_resident_bytes(), before + kSome);
  if (!reset_peak_resident_bytes()) GTEST_SKIP() << "this system does not reset the peak";
  EXPECT_LT(peak_resident_bytes(), before + kSome);
}

TEST(Resident, AddressesAreThoseThatTheLimitLeaves) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_AS, &before), 0);
  if (before.rlim_cur == RLIM_INFINITY) {
    EXPECT_GT(free_address_bytes(), int64_t{1} << 60);
  }
  constexpr int64_t kRoom = int64_t{100} << 30;
  rlimit limit = before;
  limit.rlim_cur = kRoom;
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &limit), 0);
  const int64_t free = free_address_bytes();
  constexpr int64_t kTaken = int64_t{1} << 30;
  void* const p = ::mmap(nullptr, kTaken, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  const int64_t rest = free_address_bytes();
  ::munmap(p, kTaken);
  EXPECT_EQ(::setrlimit(RLIMIT_AS, &before), 0);
  EXPECT_LT(free, kRoom);
  EXPECT_GT(free, 0);
  EXPECT_NEAR(static_cast<double>(free - rest), static_cast<double>(kTaken), 1 << 20);
  EXPECT_GT(memory_bytes(), resident_bytes());
}

}  // namespace
}  // namespace seqvit
