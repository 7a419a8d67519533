/// Going on with a run: with another batch, for longer, from an older checkpoint, after damage.
#include <cmath>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/program.h"
#include "core/file.h"
#include "support/temporary_directory.h"

namespace seqvit::cli {
namespace {

namespace fs = std::filesystem;

struct Workplace {
  TemporaryDirectory directory;
  std::string config = small_config(directory.path());

  Outcome train(const std::string& run, std::vector<std::string> options) {
    std::vector<std::string> arguments = {"train", config, "--run", directory / run};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return seqvit(arguments);
  }
  fs::path checkpoints(const std::string& run) const { return directory / run / "checkpoints"; }
  std::string weights(const std::string& run, const std::string& checkpoint) const {
    return file_checksum(checkpoints(run) / checkpoint / "rank-00000.safetensors", Exit::bug);
  }
};

void expect_success(const Outcome& outcome) {
  ASSERT_EQ(outcome.code, 0) << outcome.err;
}

bool says(const Outcome& outcome, const std::string& words) {
  return outcome.err.find(words) != std::string::npos;
}

/// A key of a step's line of metrics.jsonl.
double metric(const fs::path& run, int step, const std::string& key) {
  std::ifstream in(run / "metrics.jsonl");
  for (std::string line; std::getline(in, line);) {
    const auto json = nlohmann::json::parse(line);
    if (json.at("step") == step && json.contains(key)) return json.at(key);
  }
  return NAN;
}

void flip_a_bit(const fs::path& file) {
  std::string bytes = read_text(file, Exit::bug);
  bytes[bytes.size() / 2] ^= 4;
  write_text(file, bytes, Exit::bug);
}

/// With a rate of 0 all steps see the same weights: the loss of a batch of eight is the mean of those of the
/// two batches of four that hold the same samples.
TEST(Resume, AnotherBatchSizeTakesTheNextSamples) {
  Workplace s;
  const std::vector<std::string> still = {"--train.learning_rate=0", "--model.drop_path=0",
                                          "--data.split.validation=[]", "--train.steps=20"};
  expect_success(s.train("whole", still));
  auto first = still;
  first.insert(first.end(), {"--stop-after", "9"});
  expect_success(s.train("parts", first));
  fs::copy(s.directory / "parts", s.directory / "old", fs::copy_options::recursive);
  const fs::path index = s.checkpoints("old") / "step-00000009/index.json";
  auto json = nlohmann::json::parse(read_text(index, Exit::bug));
  EXPECT_EQ(json.at("samples"), 36);
  json.erase("samples");  // as of before it was written
  write_text(index, json.dump(), Exit::bug);
  for (const char* run : {"parts", "old"}) {
    auto rest = still;
    rest.insert(rest.end(), {"--resume", "--train.batch_size=8", "--train.steps=12"});
    expect_success(s.train(run, rest));
    for (const int step : {10, 11, 12}) {
      const double pair = metric(s.directory / "whole", 2 * step - 10, "loss") +
                          metric(s.directory / "whole", 2 * step - 9, "loss");
      EXPECT_NEAR(metric(s.directory / run, step, "loss"), pair / 2, 1e-5 * pair) << run << ", step " << step;
    }
    EXPECT_EQ(metric(s.directory / run, 12, "samples"), 9 * 4 + 3 * 8);
  }
}

TEST(Resume, ALongerRunSaysHowItsRateJumpsAndCanKeepIt) {
  Workplace s;
  expect_success(s.train("r", {"--train.steps=20"}));
  const double last = metric(s.directory / "r", 20, "learning_rate");
  fs::copy(s.directory / "r", s.directory / "kept",
           fs::copy_options::recursive | fs::copy_options::copy_symlinks);

  const Outcome jumps = s.train("r", {"--resume", "--train.steps=40", "--stop-after", "22"});
  expect_success(jumps);
  const double next = metric(s.directory / "r", 21, "learning_rate");
  EXPECT_GT(next, 10 * last);
  EXPECT_TRUE(
      says(jumps, fmt::format("warning: the learning rate goes from {:.2g} at step 20 to {:.2g} at step "
                              "21",
                              last, next)))
      << jumps.err;
  EXPECT_TRUE(says(jumps, "train.schedule_steps")) << jumps.err;
  EXPECT_FALSE(says(s.train("r", {"--resume", "--train.steps=40", "--stop-after", "23"}), "learning rate"));

  const Outcome keeps = s.train("kept", {"--resume", "--train.steps=22", "--train.schedule_steps=20"});
  expect_success(keeps);
  EXPECT_FALSE(says(keeps, "learning rate")) << keeps.err;
  EXPECT_EQ(metric(s.directory / "kept", 22, "learning_rate"), last);
}

TEST(Resume, FromAnOlderCheckpointKeepsWhatCameAfter) {
  Workplace s;
  const std::vector<std::string> all = {"--train.checkpoint_every=10", "--train.keep_checkpoints=9"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.end(), all.begin(), all.end());
    return s.train("r", more);
  };
  expect_success(with({}));
  const auto before = losses(s.directory / "r");
  const std::string weights = s.weights("r", "step-00000040");

  const Outcome unknown = with({"--resume", "--from", "step-00000025"});
  EXPECT_EQ(unknown.code, 4) << unknown.err;
  EXPECT_TRUE(says(unknown, "step-00000010, step-00000020, step-00000030, step-00000040")) << unknown.err;
  EXPECT_EQ(with({"--from", "step-00000010"}).code, 2);
  EXPECT_EQ(losses(s.directory / "r"), before);

  const Outcome back = with({"--resume", "--from", "step-00000010", "--stop-after", "13"});
  expect_success(back);
  EXPECT_TRUE(says(back, "set-aside-1")) << back.err;
  EXPECT_EQ(losses(s.directory / "r").size(), 13U);
  EXPECT_EQ(losses(s.directory / "r/set-aside-1"), before);
  EXPECT_TRUE(fs::exists(s.directory / "r/set-aside-1/checkpoints/step-00000040/index.json"));
  EXPECT_FALSE(fs::exists(s.checkpoints("r") / "best"));  // there was none yet at step 10

  expect_success(with({"--resume"}));  // from step 13, not from what was set aside
  EXPECT_EQ(losses(s.directory / "r"), before);
  EXPECT_EQ(s.weights("r", "step-00000040"), weights);
  EXPECT_TRUE(fs::exists(s.checkpoints("r") / "best/index.json"));
}

TEST(Resume, ADamagedCheckpointFallsBackToTheLastWholeOne) {
  Workplace s;
  expect_success(s.train("whole", {}));
  expect_success(s.train("r", {}));
  flip_a_bit(s.checkpoints("r") / "step-00000040/rank-00000.safetensors");
  const Outcome resumed = s.train("r", {"--resume"});
  expect_success(resumed);
  EXPECT_TRUE(says(resumed, "step-00000040/rank-00000.safetensors: expected checksum")) << resumed.err;
  EXPECT_TRUE(says(resumed, "going back to step-00000030")) << resumed.err;
  EXPECT_TRUE(fs::exists(s.directory / "r/set-aside-1/checkpoints/step-00000040"));
  EXPECT_EQ(losses(s.directory / "r"), losses(s.directory / "whole"));
  EXPECT_EQ(s.weights("r", "step-00000040"), s.weights("whole", "step-00000040"));

  // Where it is asked for by name there is nothing else to take.
  flip_a_bit(s.checkpoints("r") / "step-00000040/rank-00000.safetensors");
  const Outcome best = seqvit({"evaluate", s.directory / "r"});
  EXPECT_EQ(best.code, 4) << best.err;
  EXPECT_TRUE(says(best, "this is the best checkpoint; --checkpoint takes one of: ")) << best.err;
  fs::remove_all(s.checkpoints("r") / "step-00000040");
  EXPECT_EQ(seqvit({"evaluate", s.directory / "r"}).code, 4);
  EXPECT_EQ(seqvit({"evaluate", s.directory / "r", "--checkpoint", "last"}).code, 0);
}

TEST(Resume, LeavesNoTemporaryOfAKilledTraining) {
  Workplace s;
  expect_success(s.train("r", {"--stop-after", "3"}));
  const auto before = files_below(s.directory / "r");
  fs::create_directory(s.checkpoints("r") / ".step-00000004.tmp");
  for (const char* name :
       {"checkpoints/.step-00000004.tmp/rank-00000.safetensors.81-1.tmp", "config.yaml.81-2.tmp",
        "manifest.json.81-3.tmp", "metrics.jsonl.81-4.tmp", ".climatology.train.nc.tmp"})
    write_text(s.directory / "r" / name, "half", Exit::bug);
  expect_success(s.train("r", {"--resume", "--stop-after", "3"}));
  auto after = files_below(s.directory / "r");
  std::erase_if(after, [](const std::string& name) { return name.starts_with("events."); });
  auto expected = before;
  std::erase_if(expected, [](const std::string& name) { return name.starts_with("events."); });
  EXPECT_EQ(after, expected);
}

/// Each rank writes a shard; here only the second cannot.
TEST(Resume, AFullDiskUnderOneRankEndsAllWithTheReason) {
  Workplace s;
  const std::vector<std::string> settings = {"--parallel.sp=2", "--parallel.sequence=ring"};
  std::vector<std::string> arguments = {"train", s.config, "--run", s.directory / "r", "--stop-after", "5"};
  arguments.insert(arguments.end(), settings.begin(), settings.end());
  const Outcome started = mpirun(2, arguments);
  ASSERT_EQ(started.code, 0) << started.err;
  const auto before = files_below(s.checkpoints("r"));
  std::vector<std::string> program = {seqvit_path()};
  program.insert(program.end(), arguments.begin(), arguments.end() - 4);
  program.insert(program.end(), settings.begin(), settings.end());
  program.emplace_back("--resume");
  std::vector<std::string> command = mpirun_command(1, {});
  command.pop_back();  // the program
  command.insert(command.end(), program.begin(), program.end());
  command.insert(command.end(), {":", "-n", "1", "bash", "-c", "ulimit -f 20; exec \"$@\"", "bash"});
  command.insert(command.end(), program.begin(), program.end());
  const Outcome outcome = Process(command, quiet_environment()).wait();
  EXPECT_EQ(outcome.code, 4) << outcome.err;
  EXPECT_TRUE(says(outcome, "rank-00001.safetensors: cannot write: File too large")) << outcome.err;
  EXPECT_EQ(files_below(s.checkpoints("r")), before);
  EXPECT_EQ(mpirun(2, arguments).code, 2);  // the run is there
  arguments.insert(arguments.end(), {"--resume"});
  EXPECT_EQ(mpirun(2, arguments).code, 0);
}

}  // namespace
}  // namespace seqvit::cli
