/// Training from the outside: resuming, stopping, repeating.
#include <chrono>
#include <set>
#include <signal.h>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/program.h"
#include "core/file.h"
#include "support/temporary_directory.h"

namespace seqvit::cli {
namespace {

TEST(Train, ResumedRunEqualsAnUnbrokenOneToTheLastBit) {
  const TemporaryDirectory d;
  const std::string config = small_config(d.path());
  ASSERT_EQ(seqvit({"train", config, "--run", d / "whole"}).code, 0);
  ASSERT_EQ(seqvit({"train", config, "--run", d / "parts", "--stop-after", "20"}).code, 0);
  EXPECT_EQ(losses(d / "parts").size(), 20U);
  const Outcome resumed = seqvit({"train", config, "--run", d / "parts", "--resume"});
  ASSERT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_EQ(losses(d / "whole").size(), 40U);
  EXPECT_EQ(losses(d / "whole"), losses(d / "parts"));
  const std::string weights = "checkpoints/step-00000040/rank-00000.safetensors";
  EXPECT_EQ(file_checksum(d / "whole" / weights, Exit::bug), file_checksum(d / "parts" / weights, Exit::bug));
}

/// Noise is a function of the step: a resumed run draws what an unbroken one does.
TEST(Train, MembersResumeToTheLastBitAndMakeAnEnsemble) {
  const TemporaryDirectory d;
  const std::string config = small_config(d.path());
  const auto train = [&](const std::string& run, std::vector<std::string> more) {
    std::vector<std::string> all = {"train",
                                    config,
                                    "--run",
                                    run,
                                    "--train.steps=8",
                                    "--train.warmup_steps=2",
                                    "--train.loss=crps",
                                    "--train.members=2",
                                    "--model.noise_dim=4"};
    all.insert(all.end(), more.begin(), more.end());
    return seqvit(all);
  };
  ASSERT_EQ(train(d / "whole", {}).code, 0);
  ASSERT_EQ(train(d / "parts", {"--stop-after", "5"}).code, 0);
  ASSERT_EQ(train(d / "parts", {"--resume"}).code, 0);
  EXPECT_EQ(losses(d / "whole").size(), 8U);
  EXPECT_EQ(losses(d / "whole"), losses(d / "parts"));
  const std::string weights = "checkpoints/step-00000008/rank-00000.safetensors";
  EXPECT_EQ(file_checksum(d / "whole" / weights, Exit::bug), file_checksum(d / "parts" / weights, Exit::bug));
  const Outcome scored = seqvit({"evaluate", d / "whole", "--members", "3", "--split", "validation"});
  ASSERT_EQ(scored.code, 0) << scored.err;
  EXPECT_NE(scored.out.find("ensemble of"), std::string::npos) << scored.out;
}

TEST(Train, ResumeStartsAnEmptyRunAndAFreshRunNeedsAnEmptyDirectory) {
  const TemporaryDirectory d;
  const std::string config = small_config(d.path());
  EXPECT_EQ(seqvit({"train", config, "--run", d / "r", "--resume", "--stop-after", "3"}).code, 0);
  const Outcome again = seqvit({"train", config, "--run", d / "r"});
  EXPECT_EQ(again.code, 2);
  EXPECT_NE(again.err.find("--resume"), std::string::npos);
  EXPECT_EQ(losses(d / "r").size(), 3U);
}

/// Fields are normalised as they were when the run began, whatever period it goes on with; a checkpoint never
/// gets another meaning.
TEST(Train, ResumeKeepsTheMeaningOfTheRun) {
  const TemporaryDirectory d;
  const std::string config = small_config(d.path());
  ASSERT_EQ(seqvit({"train", config, "--run", d / "r", "--stop-after", "3"}).code, 0);
  const std::string normalization = read_text(d / "r/normalization.json", Exit::bug);
  const auto resume = [&](const std::string& setting) {
    return seqvit({"train", config, "--run", d / "r", "--resume", "--stop-after", "4", setting});
  };
  const Outcome another_meaning = resume("--model.predict=state");
  EXPECT_EQ(another_meaning.code, 2);
  EXPECT_NE(another_meaning.err.find("config.yaml: model.predict is tendency there, state now"),
            std::string::npos)
      << another_meaning.err;
  EXPECT_EQ(resume("--train.leads=[6h,12h]").code, 2);
  EXPECT_EQ(losses(d / "r").size(), 3U);

  const Outcome another_period = resume("--data.split.train=[0,200]");
  EXPECT_EQ(another_period.code, 0) << another_period.err;
  EXPECT_EQ(losses(d / "r").size(), 4U);
  EXPECT_EQ(read_text(d / "r/normalization.json", Exit::bug), normalization);
}

TEST(Train, SigtermLosesNoStep) {
  const TemporaryDirectory d;
  const std::string config = small_config(d.path());
  ASSERT_EQ(seqvit({"train", config, "--run", d / "whole"}).code, 0);
  Process process({seqvit_path(), "train", config, "--run", d / "stopped", "--train.steps=40"},
                  quiet_environment());
  for (int wait = 0; wait < 2000 && losses(d / "stopped").size() < 3; ++wait) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  ::kill(process.pid(), SIGTERM);
  const Outcome stopped = process.wait();
  EXPECT_EQ(stopped.code, 0) << stopped.err;
  const auto before = losses(d / "stopped");
  ASSERT_LT(before.size(), 40U);
  const std::string newest = "checkpoints/step-" +
                             std::string(8 - std::to_string(before.size()).size(), '0') +
                             std::to_string(before.size()) + "/index.json";
  EXPECT_TRUE(std::filesystem::exists(d / "stopped" / newest)) << newest;
  ASSERT_EQ(seqvit({"train", config, "--run", d / "stopped", "--resume"}).code, 0);
  EXPECT_EQ(losses(d / "whole"), losses(d / "stopped"));
}

TEST(Train, RunDirectoryHoldsWhatTheDesignSays) {
  const TemporaryDirectory d;
  ASSERT_EQ(seqvit({"train", small_config(d.path()), "--run", d / "r"}).code, 0);
  const auto manifest = nlohmann::json::parse(read_text(d / "r/manifest.json", Exit::bug));
  EXPECT_EQ(manifest.at("tokens"), 5 * 11);
  EXPECT_EQ(manifest.at("data_checksums_xxh3").size(), 1U);
  const auto normalization = nlohmann::json::parse(read_text(d / "r/normalization.json", Exit::bug));
  EXPECT_GT(normalization.at("variables").at("air").at("std"), 1.0);
  for (const char* name : {"config.yaml", "metrics.jsonl", "checkpoints/best/index.json",
                           "checkpoints/step-00000040/index.json"}) {
    EXPECT_TRUE(std::filesystem::exists(d / "r" / name)) << name;
  }
}

/// Phases of the training with other rollouts, a resume between and inside them, several lead times.
TEST(Train, RolloutsAndLeadTimesResumeToTheLastBit) {
  const TemporaryDirectory d;
  const std::string config = small_config(d.path());
  const std::vector<std::string> more = {"--train.rollout_steps=[1, 2, 3]", "--train.leads=[6h, 12h]",
                                         "--train.roll_longitude=false"};
  const auto train = [&](const std::string& run, std::vector<std::string> options) {
    std::vector<std::string> arguments = {"train", config, "--run", d / run};
    arguments.insert(arguments.end(), more.begin(), more.end());
    arguments.insert(arguments.end(), options.begin(), options.end());
    const Outcome outcome = seqvit(arguments);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return outcome.err;
  };
  EXPECT_NE(train("whole", {}).find("feed the forecast back 2 times come later"), std::string::npos);
  train("parts", {"--stop-after", "14"});  // where 2 steps begin
  train("parts", {"--resume", "--stop-after", "33"});
  train("parts", {"--resume"});
  EXPECT_EQ(losses(d / "whole").size(), 40U);
  EXPECT_EQ(losses(d / "whole"), losses(d / "parts"));
  const auto normalization = nlohmann::json::parse(read_text(d / "whole/normalization.json", Exit::bug));
  EXPECT_TRUE(normalization.contains("tendencies 12h"));
}

TEST(Evaluate, ScoresAsTableAndJson) {
  const TemporaryDirectory d;
  ASSERT_EQ(seqvit({"train", small_config(d.path()), "--run", d / "r"}).code, 0);
  const Outcome outcome = seqvit({"evaluate", d / "r", "--json", "-"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto scores = nlohmann::json::parse(outcome.out).at("scores");
  int found = 0;
  for (const auto& score : scores) {
    if (score.at("metric") != "rmse" || score.at("region") != "global") continue;
    ++found;
    EXPECT_GT(score.at("value"), 0.1);
    EXPECT_GT(score.at("persistence"), 0.1);
    EXPECT_LE(score.at("low"), score.at("value"));
  }
  EXPECT_EQ(found, 2);  // 6 h and 24 h
  EXPECT_TRUE(std::filesystem::exists(d / "r/scores.json"));
}

TEST(Evaluate, RegionsOfOnesOwnStandBesideTheWholeGrid) {
  const TemporaryDirectory d;
  ASSERT_EQ(seqvit({"train", small_config(d.path()), "--run", d / "r", "--stop-after", "2"}).code, 0);
  const Outcome outcome = seqvit({"evaluate", d / "r", "--json", "-", "--evaluate.leads=[6h]",
                                  "--evaluate.regions=['plains=35,50,-105,-95', 'canada=50,75,220,300']"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto scores = nlohmann::json::parse(outcome.out).at("scores");
  std::set<std::string> regions;
  for (const auto& score : scores)
    regions.insert(score.at("region"));
  EXPECT_EQ(regions, (std::set<std::string>{"global", "plains", "canada"}));
}

TEST(Forecast, WritesAFileThatNcdumpOpensAndTheSamePictureTwice) {
  const TemporaryDirectory d;
  ASSERT_EQ(seqvit({"train", small_config(d.path()), "--run", d / "r", "--stop-after", "5"}).code, 0);
  for (const std::string name : {"a", "b"}) {
    const Outcome outcome =
        seqvit({"forecast", d / "r", "--init", "2013-07-01T00,2013-07-02T06", "--steps", "4", "--output",
                d / (name + ".nc"), "--picture", d / (name + ".png"), "--lead", "24h"});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
  }
  EXPECT_EQ(file_checksum(d / "a.png", Exit::bug), file_checksum(d / "b.png", Exit::bug));
  const Outcome dump = Process({"ncdump", "-h", d / "a.nc"}).wait();
  EXPECT_EQ(dump.code, 0);
  for (const char* word :
       {"init_time = 2", "lead_time = 4", "float air(init_time, lead_time, lat, lon)", "CF-1"}) {
    EXPECT_NE(dump.out.find(word), std::string::npos) << word;
  }
}

}  // namespace
}  // namespace seqvit::cli
