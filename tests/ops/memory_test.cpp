#include "ops/memory.h"

#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

namespace seqvit {
namespace {

TEST(Memory, CountsWhatTensorsHoldAndItsPeak) {
  count_tensor_memory();
  const int64_t before = tensor_bytes();
  reset_peak_tensor_bytes();
  constexpr int64_t kBytes = 3 << 20;
  {
    const at::Tensor a = at::empty({kBytes}, at::kByte);
    EXPECT_GE(tensor_bytes() - before, kBytes);
    EXPECT_LT(tensor_bytes() - before, kBytes + 8192);
    const at::Tensor b = at::empty({kBytes}, at::kByte);
  }
  EXPECT_EQ(tensor_bytes(), before);
  EXPECT_GE(peak_tensor_bytes() - before, 2 * kBytes);
  reset_peak_tensor_bytes();
  EXPECT_EQ(peak_tensor_bytes(), before);
}

}  // namespace
}  // namespace seqvit
