#include "core/resident.h"

#include <cstring>

#include <gtest/gtest.h>
#include <sys/mman.h>

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

}  // namespace
}  // namespace seqvit
