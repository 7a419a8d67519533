/// The whole program on the test device (build/.../seqvit_test_device): files to scores, as a user runs it.
#include "cli/program.h"

#include <gtest/gtest.h>

#include "support/temporary_directory.h"

namespace seqvit::test_device {
namespace {

/// That it went well, and broke none of the device's rules.
void expect_clean(const cli::Outcome& outcome) {
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err.find("test device: "), std::string::npos) << outcome.err;
}

std::vector<std::string> train(const std::string& config, const std::string& run,
                               const std::vector<std::string>& more) {
  std::vector<std::string> words = {"train",
                                    config,
                                    "--run",
                                    run,
                                    "--train.steps=6",
                                    "--train.checkpoint_every=2",
                                    "--train.validate_every=4",
                                    "--train.validation_samples=4",
                                    "--train.precision=fp64",
                                    "--train.ema=0.5"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

/// One whole life: train, stop, go on, score, forecast; the losses are the CPU's.
TEST(Program, TrainsAndForecastsAsOnTheCpu) {
  const TemporaryDirectory d;
  const std::string config = cli::small_config(d.path()), cuda = "--parallel.device=cuda";
  ASSERT_EQ(cli::seqvit(train(config, d / "cpu", {})).code, 0);
  expect_clean(cli::seqvit(train(config, d / "gpu", {cuda, "--stop-after", "3"})));
  expect_clean(cli::seqvit(train(config, d / "gpu", {cuda, "--resume"})));
  EXPECT_LT(cli::largest_difference(cli::losses(d / "cpu"), cli::losses(d / "gpu")), 1e-10);
  expect_clean(
      cli::seqvit({"evaluate", d / "gpu", "--data.split.test=[500, 506]", "--json", d / "scores.json"}));
  expect_clean(cli::seqvit(
      {"forecast", d / "gpu", "--init", "2014-07-15T00", "--steps", "2", "--output", d / "forecast.nc"}));
  EXPECT_TRUE(std::filesystem::exists(d / "forecast.nc"));
  expect_clean(cli::seqvit({"export", d / "gpu", "--output", d / "weights.safetensors"}));
}

/// Processes with a device each, as a launcher starts them; the proof at the start runs on them too.
TEST(Program, RanksAsProcesses) {
  const TemporaryDirectory d;
  const std::string config = cli::small_config(d.path()), cuda = "--parallel.device=cuda";
  ASSERT_EQ(cli::seqvit(train(config, d / "cpu", {})).code, 0);
  expect_clean(
      cli::mpirun(2, train(config, d / "sp", {cuda, "--parallel.sp=2", "--parallel.sequence=ring"})));
  EXPECT_LT(cli::largest_difference(cli::losses(d / "cpu"), cli::losses(d / "sp")), 1e-10);
}

/// Ranks of one GPU talk through host memory where they may.
TEST(Program, RanksThatShareAGpu) {
  const TemporaryDirectory d;
  const std::string config = cli::small_config(d.path());
  auto environment = cli::quiet_environment();
  environment["SEQVIT_TEST_DEVICES"] = "1";
  const auto run = [&](const char* name, const std::vector<std::string>& more) {
    std::vector<std::string> words = train(config, d / name, {"--parallel.sp=2"});
    words.insert(words.end(), more.begin(), more.end());
    return cli::Process(cli::mpirun_command(2, words), environment).wait();
  };
  const cli::Outcome refused = run("refused", {"--parallel.device=cuda"});
  EXPECT_NE(refused.err.find("ranks 0 and 1 have the same GPU"), std::string::npos) << refused.err;
  EXPECT_EQ(refused.code, 2);
  ASSERT_EQ(run("cpu", {}).code, 0);
  expect_clean(run("shared", {"--parallel.device=cuda", "--parallel.share_gpus=true"}));
  EXPECT_LT(cli::largest_difference(cli::losses(d / "cpu"), cli::losses(d / "shared")), 1e-10);
}

}  // namespace
}  // namespace seqvit::test_device
