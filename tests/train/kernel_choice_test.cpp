#include "train/kernel_choice.h"

#include <atomic>
#include <set>

#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include "comm/thread.h"
#include "support/errors.h"

namespace seqvit::train {
namespace {

constexpr ops::AttentionSizes kShape{1, 2, 60, 70, 24};
constexpr size_t kLibtorch = ops::kCpuKernels.size() - 1;

class CpuKernelChoice : public testing::Test {
 protected:
  void TearDown() override { ops::flash::use_at_most(ops::flash::Instructions::amx); }
  ops::CpuKernelWish here_ = ops::cpu_kernel_wish(at::kFloat);
};

std::string kernel_name() {
  return ops::attention_kernel_name(at::empty({1, 1, 1, 24}, at::kFloat));
}

TEST_F(CpuKernelChoice, ByTheRuleNothingIsMeasured) {
  const std::string before = kernel_name();
  comm::run_ranks(3, [&](comm::Comm& world) {
    EXPECT_TRUE(agree_on_cpu_kernel(here_, kShape, at::kFloat, world).empty());
  });
  EXPECT_EQ(kernel_name(), before);
}

/// One rank has a processor, or a value of SEQVIT_ATTENTION, that leaves it libtorch's alone.
TEST_F(CpuKernelChoice, IsWhatAllRanksHave) {
  comm::run_ranks(3, [&](comm::Comm& world) {
    ops::CpuKernelWish wish = here_;
    if (world.rank() == 1) wish.allowed = {}, wish.allowed[kLibtorch] = true;
    agree_on_cpu_kernel(wish, kShape, at::kFloat, world);
  });
  EXPECT_EQ(kernel_name(), ops::libtorch_cpu_kernel().name);
}

TEST_F(CpuKernelChoice, OneRankThatMeasuresMakesAllMeasure) {
  std::atomic<int> measured = 0;
  comm::run_ranks(3, [&](comm::Comm& world) {
    ops::CpuKernelWish wish = here_;
    wish.measure = world.rank() == 2;
    const auto trials = agree_on_cpu_kernel(wish, kShape, at::kFloat, world);
    measured += static_cast<int>(trials.size() == ops::kCpuKernels.size());
  });
  EXPECT_EQ(measured, 3);
}

TEST_F(CpuKernelChoice, RanksWithoutACommonKernelAreRefused) {
  expect_error(Exit::usage, {"SEQVIT_ATTENTION", "share none", "give all ranks the same value"}, [&] {
    comm::run_ranks(2, [&](comm::Comm& world) {
      ops::CpuKernelWish wish;
      wish.allowed[world.rank() == 0 ? kLibtorch : 0] = true;
      agree_on_cpu_kernel(wish, kShape, at::kFloat, world);
    });
  });
}

}  // namespace
}  // namespace seqvit::train
