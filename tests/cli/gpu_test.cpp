/// The program on a GPU: skipped unless SEQVIT_GPU is set (tools/gpu_check.sh sets it where there is one).
#include <cstdlib>

#include <gtest/gtest.h>

#include "cli/program.h"
#include "support/temporary_directory.h"

namespace seqvit::cli {
namespace {

bool has_gpu() {
  return std::getenv("SEQVIT_GPU") != nullptr;
}

/// Also of a program that was built for GPUs, on a machine without.
TEST(Gpu, AskingForOneThatIsNotThereIsOneLine) {
  if (has_gpu()) GTEST_SKIP() << "there is one";
  const TemporaryDirectory d;
  const Outcome outcome =
      seqvit({"train", small_config(d.path()), "--run", d / "run", "--parallel.device=cuda"});
  EXPECT_EQ(outcome.code, 2) << outcome.err;
  EXPECT_EQ(outcome.err.find("seqvit: error: parallel.device: cuda: "), 0U) << outcome.err;
  EXPECT_EQ(outcome.err.find('\n'), outcome.err.size() - 1) << outcome.err;
  EXPECT_FALSE(std::filesystem::exists(d / "run"));
}

TEST(Gpu, TrainsLikeTheCpu) {
  if (!has_gpu()) GTEST_SKIP() << "set SEQVIT_GPU on a machine with a GPU to run this";
  for (const auto& [precision, tolerance] : {std::pair{"fp32", 1e-3}, {"bf16", 2e-2}}) {
    const TemporaryDirectory d;
    const std::string config = small_config(d.path()),
                      setting = std::string("--train.precision=") + precision;
    ASSERT_EQ(seqvit({"train", config, "--run", d / "cpu", setting}).code, 0);
    const Outcome gpu = seqvit({"train", config, "--run", d / "gpu", setting, "--parallel.device=cuda"});
    ASSERT_EQ(gpu.code, 0) << gpu.err;
    EXPECT_LT(largest_difference(losses(d / "cpu"), losses(d / "gpu")), tolerance) << precision;
    ASSERT_EQ(seqvit({"evaluate", d / "gpu"}).code, 0);
  }
}

TEST(Gpu, ActivationsMayWaitInTheHostsMemory) {
  if (!has_gpu()) GTEST_SKIP() << "set SEQVIT_GPU on a machine with a GPU to run this";
  const TemporaryDirectory d;
  const std::string config = small_config(d.path());
  ASSERT_EQ(seqvit({"train", config, "--run", d / "here", "--parallel.device=cuda"}).code, 0);
  const Outcome host = seqvit({"train", config, "--run", d / "host", "--parallel.device=cuda",
                               "--memory.recompute=keep_attention", "--memory.offload=host"});
  ASSERT_EQ(host.code, 0) << host.err;
  EXPECT_LT(largest_difference(losses(d / "here"), losses(d / "host")), 1e-3);
}

/// Two ranks that share a GPU: messages through host memory.
TEST(Gpu, TwoRanksOnOneTrainLikeOne) {
  if (!has_gpu()) GTEST_SKIP() << "set SEQVIT_GPU on a machine with a GPU to run this";
  const TemporaryDirectory d;
  const std::string config = small_config(d.path());
  ASSERT_EQ(seqvit({"train", config, "--run", d / "one", "--parallel.device=cuda"}).code, 0);
  for (const char* layout : {"--parallel.sp=2", "--parallel.tp=2", "--parallel.pp=2"}) {
    const auto run = d / layout;
    const Outcome two = mpirun(
        2, {"train", config, "--run", run, "--parallel.device=cuda", "--parallel.share_gpus=true", layout});
    ASSERT_EQ(two.code, 0) << two.err;
    EXPECT_LT(largest_difference(losses(d / "one"), losses(run)), 1e-3) << layout;
  }
}

}  // namespace
}  // namespace seqvit::cli
