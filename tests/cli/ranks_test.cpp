/// The program under mpirun: the same numbers on any mesh, and an orderly end when a rank is lost.
#include <chrono>
#include <cmath>
#include <signal.h>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/program.h"
#include "core/file.h"
#include "support/temporary_directory.h"

namespace seqvit {
namespace {

double largest_difference(const std::map<int, std::string>& a, const std::map<int, std::string>& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (const auto& [step, text] : a) {
    if (!b.contains(step)) return INFINITY;
    largest = std::max(largest, std::abs(std::stod(text) - std::stod(b.at(step))) / std::stod(text));
  }
  return largest;
}

double score(const std::filesystem::path& run) {
  const auto scores = nlohmann::json::parse(read_text(run / "scores.json", Exit::bug)).at("scores");
  for (const auto& s : scores) {
    if (s.at("metric") == "rmse" && s.at("region") == "global" && s.at("lead_hours") == 24)
      return s.at("value");
  }
  return -1;
}

struct Layout {
  int ranks;
  std::vector<std::string> settings;
};

TEST(Ranks, TrainAndEvaluateLikeOneRank) {
  const TemporaryDirectory d;
  const std::string config = small_config(d.path());
  ASSERT_EQ(seqvit({"train", config, "--run", d / "one"}).code, 0);
  ASSERT_EQ(seqvit({"evaluate", d / "one"}).code, 0);
  const std::vector<Layout> layouts = {
      {2, {"--parallel.sp=2", "--parallel.sequence=ulysses", "--parallel.zero=3"}},
      {3, {"--parallel.sp=3", "--parallel.sequence=ring", "--parallel.zero=1"}},
      {4,
       {"--parallel.sp=2", "--parallel.dp=2", "--parallel.sequence=lss", "--parallel.zero=2",
        "--memory.recompute=full"}},
      {4,
       {"--parallel.sp=4", "--parallel.sequence=hybrid", "--parallel.ulysses=2",
        "--memory.recompute=keep_attention"}}};
  int number = 0;
  for (const Layout& layout : layouts) {
    const auto run = d / ("r" + std::to_string(++number));
    std::vector<std::string> arguments = {"train", config, "--run", run};
    arguments.insert(arguments.end(), layout.settings.begin(), layout.settings.end());
    const Outcome trained = mpirun(layout.ranks, arguments);
    ASSERT_EQ(trained.code, 0) << trained.err;
    EXPECT_NE(trained.err.find("layout verified"), std::string::npos) << trained.err;
    EXPECT_LT(largest_difference(losses(d / "one"), losses(run)), 1e-5) << layout.settings[1];
    const Outcome evaluated = mpirun(layout.ranks, {"evaluate", run});
    ASSERT_EQ(evaluated.code, 0) << evaluated.err;
    EXPECT_NEAR(score(run), score(d / "one"), 1e-3 * score(d / "one"));
  }
}

TEST(Ranks, ACheckpointGoesOnUnderAnyMesh) {
  const TemporaryDirectory d;
  const std::string config = small_config(d.path());
  ASSERT_EQ(seqvit({"train", config, "--run", d / "one"}).code, 0);
  ASSERT_EQ(mpirun(4, {"train", config, "--run", d / "r", "--parallel.sp=4", "--parallel.sequence=ring",
                       "--parallel.zero=3", "--stop-after", "13"})
                .code,
            0);
  ASSERT_EQ(mpirun(2, {"train", config, "--run", d / "r", "--parallel.dp=2", "--parallel.sequence=ulysses",
                       "--parallel.zero=1", "--stop-after", "27", "--resume"})
                .code,
            0);
  ASSERT_EQ(seqvit({"train", config, "--run", d / "r", "--resume"}).code, 0);
  EXPECT_LT(largest_difference(losses(d / "one"), losses(d / "r")), 1e-5);
}

TEST(Ranks, ALostRankEndsTheJobAndTheRunGoesOn) {
  const TemporaryDirectory d;
  const std::string config = small_config(d.path());
  std::vector<std::string> arguments = {"train",
                                        config,
                                        "--run",
                                        d / "r",
                                        "--parallel.sp=3",
                                        "--parallel.sequence=ring",
                                        "--train.steps=100000",
                                        "--train.checkpoint_every=10",
                                        "--train.validate_every=100000"};
  Process job(mpirun_command(3, arguments), quiet_environment());
  for (int wait = 0; wait < 6000 && losses(d / "r").size() < 25; ++wait)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  ASSERT_GE(losses(d / "r").size(), 25U);
  // One of mpirun's children, but not the first: the pid of a rank.
  const Outcome children = Process({"pgrep", "-P", std::to_string(job.pid())}).wait();
  const std::string last = children.out.substr(children.out.rfind('\n', children.out.size() - 2) + 1);
  const auto killed_at = std::chrono::steady_clock::now();
  ::kill(std::stoi(last), SIGKILL);
  const Outcome outcome = job.wait();
  EXPECT_LT(std::chrono::steady_clock::now() - killed_at, std::chrono::seconds(15));
  EXPECT_NE(outcome.code, 0);
  EXPECT_NE(outcome.err.find("seqvit: error: "), std::string::npos) << outcome.err;
  for (const std::string& name : files_below(d / "r"))
    EXPECT_EQ(name.find(".tmp/"), std::string::npos) << name;
  const Outcome resumed =
      seqvit({"train", config, "--run", d / "r", "--resume", "--train.steps=100000", "--stop-after", "40"});
  EXPECT_EQ(resumed.code, 0) << resumed.err;
}

TEST(Ranks, WrongLayoutsEndBeforeTheFirstStep) {
  const TemporaryDirectory d;
  const std::string config = small_config(d.path());
  const Outcome wrong = mpirun(3, {"train", config, "--run", d / "r", "--parallel.sp=2"});
  EXPECT_EQ(wrong.code, 2) << wrong.err;
  EXPECT_NE(wrong.err.find("3"), std::string::npos);
  const Outcome heads =
      mpirun(2, {"train", config, "--run", d / "r", "--parallel.sp=5", "--parallel.sequence=ulysses"});
  EXPECT_EQ(heads.code, 2) << heads.err;
  EXPECT_FALSE(std::filesystem::exists(d / "r"));
}

TEST(Ranks, VerifyPassesForTheConfiguredLayout) {
  const TemporaryDirectory d;
  const Outcome outcome = mpirun(4, {"verify", small_config(d.path()), "--json", "-", "--parallel.sp=2",
                                     "--parallel.dp=2", "--parallel.sequence=ulysses"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(nlohmann::json::parse(outcome.out).at("passed"), true);
}

}  // namespace
}  // namespace seqvit
