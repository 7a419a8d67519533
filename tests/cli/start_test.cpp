// How the program starts: on shared cores, under limits, and where starting does not end.
#include <filesystem>
#include <thread>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "cli/program.h"
#include "support/temporary_directory.h"

namespace seqvit::cli {
namespace {

bool says(const Outcome& outcome, const std::string& text) {
  return outcome.err.find(text) != std::string::npos;
}

TEST(Start, WaitingThreadsSoonSleepUnlessTheUserSaysOtherwise) {
  const Outcome ours = seqvit({"--version"}, {{"OMP_DISPLAY_ENV", "verbose"}});
  EXPECT_EQ(ours.code, 0);
  EXPECT_TRUE(says(ours, "GOMP_SPINCOUNT = '3000'")) << ours.err;
  const Outcome theirs =
      seqvit({"--version"}, {{"OMP_DISPLAY_ENV", "verbose"}, {"OMP_WAIT_POLICY", "active"}});
  EXPECT_TRUE(says(theirs, "OMP_WAIT_POLICY = 'ACTIVE'")) << theirs.err;
  const Outcome counted = seqvit({"--version"}, {{"OMP_DISPLAY_ENV", "verbose"}, {"GOMP_SPINCOUNT", "1234"}});
  EXPECT_TRUE(says(counted, "GOMP_SPINCOUNT = '1234'")) << counted.err;
}

TEST(Start, MoreThreadsThanCoresAreSaidOnce) {
  const TemporaryDirectory d;
  const std::vector<std::string> verify = {"verify", small_config(d.path())};
  auto environment = quiet_environment();
  environment["OMP_NUM_THREADS"] = std::to_string(std::thread::hardware_concurrency());
  auto two = verify;
  two.emplace_back("--parallel.sp=2");
  const Outcome many = Process(mpirun_command(2, two), environment).wait();
  EXPECT_EQ(many.code, 0) << many.err;
  const std::string words = "warning: 2 ranks with ";
  const size_t first = many.err.find(words);
  ASSERT_NE(first, std::string::npos) << many.err;
  EXPECT_EQ(many.err.find(words, first + 1), std::string::npos) << many.err;
  EXPECT_TRUE(says(many, "start fewer ranks")) << many.err;
  EXPECT_FALSE(says(seqvit(verify), "take turns"));
}

/// A gigabyte of addresses beside what libraries take: far less than the arena would reserve without a limit.
TEST(Start, ALimitOnAddressesIsKept) {
  const TemporaryDirectory d;
  const Outcome outcome =
      Process({"sh", "-c", "ulimit -v 6000000 && exec \"$@\"", "sh", seqvit_path(), "train",
               small_config(d.path()), "--train.steps=2", "--train.warmup_steps=0", "--run", d / "r"},
              quiet_environment())
          .wait();
  EXPECT_EQ(outcome.code, 0) << outcome.err;
}

/// A checkpoint's index that is never answered, as by a file system that is gone.
TEST(Start, WhatDoesNotEndIsNamedAndEndsTheJob) {
  const TemporaryDirectory d;
  const std::string config = small_config(d.path());
  ASSERT_EQ(seqvit({"train", config, "--run", d / "r", "--stop-after", "2"}).code, 0);
  const auto index = std::filesystem::path(d / "r") / "checkpoints" / "step-00000002" / "index.json";
  ASSERT_TRUE(std::filesystem::remove(index));
  ASSERT_EQ(::mkfifo(index.c_str(), 0600), 0);
  const std::vector<std::string> resume = {"train", config,     "--run",
                                           d / "r", "--resume", "--parallel.timeout_seconds=2"};
  const Outcome alone = seqvit(resume);
  EXPECT_EQ(alone.code, 5) << alone.err;
  EXPECT_TRUE(says(alone, "error: no sign of life for 2")) << alone.err;
  EXPECT_TRUE(says(alone, "'train: ")) << alone.err;
  auto split = resume;
  split.push_back("--parallel.sp=2");
  const Outcome two = mpirun(2, split);
  EXPECT_NE(two.code, 0);
  EXPECT_TRUE(says(two, "error: rank 0: no sign of life for 2") ||
              says(two, "error: rank 1: no sign of life for 2"))
      << two.err;
}

/// A rank that never joins, as one that is stopped or on a machine that does not answer.
TEST(Start, ARankThatDoesNotJoinIsWaitedForWithinTheLimit) {
  auto command = mpirun_command(1, {"verify", "--parallel.timeout_seconds=1"});
  const std::vector<std::string> other = {":", "-n", "1", "sleep", "100"};
  command.insert(command.end(), other.begin(), other.end());
  const Outcome outcome = Process(command, quiet_environment()).wait();
  EXPECT_NE(outcome.code, 0);
  EXPECT_TRUE(says(outcome, "no sign of life for 1")) << outcome.err;
  EXPECT_TRUE(says(outcome, "'waiting for all ranks to join MPI'")) << outcome.err;
}

/// Counted work whose sums differ by an ulp once moved a block between two stages for ever.
TEST(Start, StagesOfAnUnevenDepthAreDivided) {
  const TemporaryDirectory d;
  const Outcome outcome =
      mpirun(4, {"train", small_config(d.path()), "--run", d / "r", "--model.depth=3", "--train.steps=2",
                 "--train.warmup_steps=0", "--parallel.pp=2", "--parallel.dp=2"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
}

}  // namespace
}  // namespace seqvit::cli
