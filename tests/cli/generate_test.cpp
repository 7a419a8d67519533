/// Making data from the outside: what `generate` writes can be trained on, and what it cannot make leaves
/// nothing behind.
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <signal.h>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/program.h"
#include "core/file.h"
#include "data/dataset.h"
#include "data/samples.h"
#include "support/temporary_directory.h"

namespace seqvit::cli {
namespace {

constexpr int64_t kTimes = 16;  // of small_run

std::vector<std::string> small_run(const std::string& output, const std::vector<std::string>& extra = {}) {
  std::vector<std::string> arguments = {"generate", output, "--truncation", "10",
                                        "--days",   "4",    "--spinup",     "1"};
  arguments.insert(arguments.end(), extra.begin(), extra.end());
  return arguments;
}

/// Checksums of the files in a directory.
std::map<std::string, std::string> contents(const std::filesystem::path& directory) {
  std::map<std::string, std::string> result;
  for (const std::string& name : files_below(directory))
    result[name] = file_checksum(directory / name, Exit::bug);
  return result;
}

TEST(Generate, WritesWhatInspectAndTrainAccept) {
  const TemporaryDirectory d;
  const Outcome made = seqvit(small_run(d / "a.nc", {"--json", "-"}));
  ASSERT_EQ(made.code, 0) << made.err;
  EXPECT_EQ(nlohmann::json::parse(made.out).at("times"), kTimes);
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

TEST(Generate, PartsHaveTheSameBytesOnAnyNumberOfRanks) {
  const TemporaryDirectory d;
  const auto make = [&](const std::string& name, int ranks, const std::string& parts) {
    std::filesystem::create_directory(d / name);
    const auto arguments = small_run((d / name) / "a.nc", {"--parts", parts});
    const Outcome outcome = ranks == 1 ? seqvit(arguments) : mpirun(ranks, arguments);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return contents(d / name);
  };
  const auto one = make("one", 1, "3");
  ASSERT_EQ(files_below(d / "one"), (std::vector<std::string>{"a-001.nc", "a-002.nc", "a-003.nc"}));
  EXPECT_NE(one.at("a-001.nc"), one.at("a-002.nc"));
  EXPECT_EQ(make("two", 2, "3"), one);
  EXPECT_EQ(make("three", 3, "3"), one);
  // Nor does a part depend on how many there are.
  EXPECT_EQ(make("fewer", 1, "2").at("a-002.nc"), one.at("a-002.nc"));
}

TEST(Generate, PartsAreOneSeriesWhosePairsLieInOnePart) {
  const TemporaryDirectory d;
  ASSERT_EQ(seqvit(small_run(d / "a.nc", {"--parts", "3"})).code, 0);
  const data::Dataset dataset({.files = {d / "a-*.nc"}, .statics = {"orography", "land"}});
  ASSERT_EQ(dataset.times().size(), 3 * kTimes);
  EXPECT_EQ(data::format_time(dataset.times()[kTimes], dataset.calendar()), "0001-01-09T00:00:00");
  for (int64_t steps = 1; steps < kTimes; ++steps) {
    const auto samples = data::make_samples(dataset.times(), dataset.calendar(), {0, 3 * kTimes},
                                            data::LeadTime{.seconds = 21600 * steps});
    EXPECT_EQ(samples.size(), static_cast<size_t>(3 * (kTimes - steps))) << steps;
    for (const data::Sample& sample : samples)
      EXPECT_EQ(sample.input / kTimes, sample.target / kTimes) << steps;
  }
  const Outcome trained = seqvit({"train", small_config(d.path()), "--run", d / "run",
                                  "--data.files=[" + (d / "a-*.nc").string() + "]", "--data.variables=[t]",
                                  "--data.static=[orography, land]", "--data.split.train=[0, 32]",
                                  "--data.split.validation=[32, 40]", "--data.split.test=[40, 48]",
                                  "--train.steps=2", "--train.warmup_steps=1"});
  EXPECT_EQ(trained.code, 0) << trained.err;
  EXPECT_NE(trained.err.find("30 samples"), std::string::npos) << trained.err;
}

/// Runs for ever; once `file` is there, `then` is called with the process.
Outcome long_run(const std::vector<std::string>& command, const std::filesystem::path& file,
                 const std::function<void(int)>& then) {
  Process process(command, quiet_environment());
  for (int wait = 0; wait < 4000 && !std::filesystem::exists(file); ++wait)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_TRUE(std::filesystem::exists(file));
  then(process.pid());
  return process.wait();
}

TEST(Generate, StoppedLeavesNothing) {
  const TemporaryDirectory d;
  const auto interrupt = [](int pid) { ::kill(pid, SIGINT); };
  const Outcome stopped =
      long_run({seqvit_path(), "generate", d / "a.nc", "--truncation", "10", "--days", "100000"},
               d / "a.nc.tmp", interrupt);
  EXPECT_EQ(stopped.code, 0) << stopped.err;
  EXPECT_NE(stopped.err.find("stopped; 0 of 1 files were written"), std::string::npos) << stopped.err;
  const Outcome ranks = long_run(
      mpirun_command(2, {"generate", d / "a.nc", "--truncation", "10", "--days", "100000", "--parts", "3"}),
      d / "a-002.nc.tmp", interrupt);
  EXPECT_NE(ranks.err.find("stopped; 0 of 3 files were written"), std::string::npos) << ranks.err;
  EXPECT_TRUE(std::filesystem::is_empty(d.path()));
}

/// One rank cannot write its file; the others give up theirs.
TEST(Generate, ARankThatFailsEndsTheJob) {
  const TemporaryDirectory d;
  std::filesystem::create_directory(d / "a-002.nc.tmp");
  const Outcome outcome =
      mpirun(3, {"generate", d / "a.nc", "--truncation", "10", "--days", "100000", "--parts", "3"});
  EXPECT_EQ(outcome.code, 3) << outcome.err;
  EXPECT_NE(outcome.err.find("a-002.nc: cannot write the atmosphere"), std::string::npos) << outcome.err;
  EXPECT_EQ(files_below(d.path()), std::vector<std::string>{"a-002.nc.tmp"});
  const Outcome nowhere = mpirun(3, small_run((d / "nowhere") / "a.nc", {"--parts", "3"}));
  EXPECT_EQ(nowhere.code, 3) << nowhere.err;
  EXPECT_NE(nowhere.err.find("seqvit: error: "), std::string::npos) << nowhere.err;
  EXPECT_EQ(nowhere.err.find("seqvit: error: "), nowhere.err.rfind("seqvit: error: ")) << nowhere.err;
}

TEST(Generate, SaysWhatItCannotMake) {
  const TemporaryDirectory d;
  const auto expect = [&](const std::vector<std::string>& extra, int code, const std::string& word) {
    const Outcome outcome = seqvit(small_run(d / "a.nc", extra));
    EXPECT_EQ(outcome.code, code) << outcome.err;
    EXPECT_NE(outcome.err.find(word), std::string::npos) << word << " not in " << outcome.err;
  };
  expect({"--step", "1mon"}, 2, "--step 1mon");
  expect({"--step", "8d"}, 2, "--days 4: shorter than one step of 8d");
  expect({"--seed", "x"}, 2, "--seed");
  expect({"--train.steps=3"}, 2, "train.steps");
  expect({"--parts", "0"}, 2, "--parts");
  const Outcome ranks = mpirun(2, small_run(d / "a.nc"));
  EXPECT_EQ(ranks.code, 2) << ranks.err;
  EXPECT_NE(ranks.err.find("--parts 1: expected at least one part a rank, found 2 ranks"), std::string::npos)
      << ranks.err;
  const Outcome nowhere = seqvit(small_run((d / "nowhere") / "a.nc"));
  EXPECT_EQ(nowhere.code, 3) << nowhere.err;
  EXPECT_EQ(seqvit({"generate", d / "a.nc", "--truncation", "4"}).code, 2);
  EXPECT_TRUE(std::filesystem::is_empty(d.path()));
}

}  // namespace
}  // namespace seqvit::cli
