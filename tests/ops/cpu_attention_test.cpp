#include "ops/cpu_attention.h"

#include <algorithm>
#include <cstdlib>

#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include "support/errors.h"

namespace seqvit::ops {
namespace {

constexpr AttentionSizes kShape{1, 2, 60, 70, 24};
constexpr size_t kLibtorch = kCpuKernels.size() - 1;

/// While it lives, SEQVIT_ATTENTION has this value.
class Variable {
 public:
  explicit Variable(const char* value) { ::setenv("SEQVIT_ATTENTION", value, 1); }
  ~Variable() { ::unsetenv("SEQVIT_ATTENTION"); }
};

class CpuAttention : public testing::Test {
 protected:
  void SetUp() override { ::unsetenv("SEQVIT_ATTENTION"); }
  void TearDown() override { flash::use_at_most(flash::Instructions::amx); }  // what was chosen is forgotten
};

std::string kernel_name(at::ScalarType type) {
  return attention_kernel_name(at::empty({1, 1, 1, 24}, type));
}

TEST_F(CpuAttention, TheRuleTakesTheBestThatIsThere) {
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    const CpuKernelWish wish = cpu_kernel_wish(type);
    EXPECT_FALSE(wish.measure);
    EXPECT_TRUE(wish.allowed[kLibtorch]);
    const std::string before = kernel_name(type);
    use_wished_cpu_kernel(type);
    EXPECT_EQ(kernel_name(type), before);
  }
  EXPECT_FALSE(cpu_kernel_wish(at::kFloat).allowed[0]);  // AMX has no fp32
}

TEST_F(CpuAttention, TheVariableNamesOne) {
  const Tensor q = at::randn({1, 2, 40, 24}), k = at::randn({1, 2, 50, 24}), v = at::randn({1, 2, 50, 24});
  const Variable libtorch("libtorch");
  use_wished_cpu_kernel(at::kFloat);
  EXPECT_EQ(kernel_name(at::kFloat), libtorch_cpu_kernel().name);
  const auto [out, lse] = attention_forward(q, k, v);
  const auto [expected, expected_lse] = libtorch_cpu_kernel().forward(q, k, v);
  EXPECT_TRUE(at::equal(out, expected) && at::equal(lse, expected_lse));
}

TEST_F(CpuAttention, RefusesANameThatIsNone) {
  const Variable wrong("avx1024");
  expect_error(Exit::usage, {"SEQVIT_ATTENTION=avx1024", "expected measure or", "libtorch"},
               [] { cpu_kernel_wish(at::kFloat); });
}

TEST_F(CpuAttention, RefusesWhatTheProcessorLacks) {
  flash::use_at_most(flash::Instructions::avx2);
  const Variable amx("amx");
  expect_error(Exit::usage, {"SEQVIT_ATTENTION=amx", "that this machine has"},
               [] { cpu_kernel_wish(at::kBFloat16); });
}

TEST_F(CpuAttention, MeasuresWhatIsThereOnce) {
  const Variable measure("measure");
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    const CpuKernelWish wish = cpu_kernel_wish(type);
    EXPECT_TRUE(wish.measure);
    const auto trials = time_cpu_kernels(wish, kShape, type);
    ASSERT_EQ(trials.size(), kCpuKernels.size());
    for (size_t i = 0; i < trials.size(); ++i) {
      EXPECT_EQ(trials[i].refused.empty(), wish.allowed[i]) << trials[i].name << ": " << trials[i].refused;
      EXPECT_EQ(trials[i].seconds > 0.0, wish.allowed[i]);
      use_cpu_kernel(type, kCpuKernels[i]);
      if (wish.allowed[i]) {
        EXPECT_EQ(kernel_name(type), trials[i].name);
      }
    }
    const auto again = time_cpu_kernels(wish, kShape, type);
    for (size_t i = 0; i < trials.size(); ++i)
      EXPECT_EQ(again[i].seconds, trials[i].seconds);
  }
}

}  // namespace
}  // namespace seqvit::ops
