/// Making data from the outside: what `generate` writes can be trained on, and what it cannot make leaves
/// nothing behind.
#include <chrono>
#include <filesystem>
#include <signal.h>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/program.h"
#include "support/temporary_directory.h"

namespace seqvit {
namespace {

std::vector<std::string> small_run(const std::string& output) {
  return {"generate", output, "--truncation", "10", "--days", "4", "--spinup", "1"};
}

TEST(Generate, WritesWhatInspectAndTrainAccept) {
  const TemporaryDirectory d;
  std::vector<std::string> arguments = small_run(d / "a.nc");
  arguments.insert(arguments.end(), {"--json", "-"});
  const Outcome made = seqvit(arguments);
  ASSERT_EQ(made.code, 0) << made.err;
  EXPECT_EQ(nlohmann::json::parse(made.out).at("times"), 16);
  const Outcome inspected = seqvit({"inspect", d / "a.nc", "--json", "-"});
  ASSERT_EQ(inspected.code, 0) << inspected.err;
  EXPECT_TRUE(nlohmann::json::parse(inspected.out).at("problems").empty()) << inspected.out;
  const Outcome trained = seqvit({"train", small_config(d.path()), "--run", d / "run",
                                  "--data.files=[" + (d / "a.nc").string() + "]", "--data.variables=[t]",
                                  "--data.static=[orography, land]", "--data.split.train=[0, 10]",
                                  "--data.split.validation=[10, 16]", "--data.split.test=[10, 16]",
                                  "--train.steps=2", "--train.warmup_steps=1"});
  EXPECT_EQ(trained.code, 0) << trained.err;
}

TEST(Generate, StoppedLeavesNothing) {
  const TemporaryDirectory d;
  Process process({SEQVIT_PROGRAM, "generate", d / "a.nc", "--truncation", "10", "--days", "100000"},
                  quiet_environment());
  for (int wait = 0; wait < 4000 && !std::filesystem::exists(d / "a.nc.tmp"); ++wait)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_TRUE(std::filesystem::exists(d / "a.nc.tmp"));
  ::kill(process.pid(), SIGINT);
  const Outcome stopped = process.wait();
  EXPECT_EQ(stopped.code, 0) << stopped.err;
  EXPECT_NE(stopped.err.find("stopped; no file was written"), std::string::npos) << stopped.err;
  EXPECT_TRUE(std::filesystem::is_empty(d.path()));
}

TEST(Generate, SaysWhatItCannotMake) {
  const TemporaryDirectory d;
  const auto expect = [&](std::vector<std::string> extra, int code, const std::string& word) {
    std::vector<std::string> arguments = small_run(d / "a.nc");
    arguments.insert(arguments.end(), extra.begin(), extra.end());
    const Outcome outcome = seqvit(arguments);
    EXPECT_EQ(outcome.code, code) << outcome.err;
    EXPECT_NE(outcome.err.find(word), std::string::npos) << word << " not in " << outcome.err;
  };
  expect({"--step", "1mon"}, 2, "--step 1mon");
  expect({"--step", "8d"}, 2, "--days 4: shorter than one step of 8d");
  expect({"--seed", "x"}, 2, "--seed");
  expect({"--train.steps=3"}, 2, "train.steps");
  const Outcome nowhere = seqvit(small_run((d / "nowhere") / "a.nc"));
  EXPECT_EQ(nowhere.code, 3) << nowhere.err;
  EXPECT_EQ(seqvit({"generate", d / "a.nc", "--truncation", "4"}).code, 2);
  EXPECT_TRUE(std::filesystem::is_empty(d.path()));
}

}  // namespace
}  // namespace seqvit
