/// Planning and phantom ranks as a user meets them: the command line in, figures out.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <sstream>
#include <utility>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/program.h"
#include "core/error.h"
#include "core/file.h"
#include "support/temporary_directory.h"

namespace seqvit::cli {
namespace {

using Arguments = std::vector<std::string>;

Arguments operator+(Arguments a, const Arguments& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

const Arguments kShape = {"--tokens", "1024", "--embed_dim", "64", "--depth", "2", "--num_heads", "4"};

nlohmann::json parsed(const Outcome& outcome) {
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  return nlohmann::json::parse(outcome.out, nullptr, /*allow_exceptions=*/false);
}

Arguments words(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

TEST(Plan, WhatItPrintsRunsAsAPhantomWithinThePredictedMemory) {
  const auto plan = parsed(seqvit(
      Arguments{"plan", "--machine", "frontier", "--ranks", "16", "--top", "5", "--json", "-"} + kShape));
  ASSERT_EQ(plan.at("layouts").size(), 5u);
  EXPECT_FALSE(plan.at("rejected").empty());
  for (const char* key : {"reason", "count", "nearest"})
    EXPECT_TRUE(plan.at("rejected")[0].contains(key)) << key;
  const auto& best = plan.at("layouts")[0];
  for (const char* key :
       {"parallel", "memory", "seconds", "seconds_per_step", "tokens_per_second", "settings"})
    EXPECT_TRUE(best.contains(key)) << key;

  const auto bench = parsed(seqvit(Arguments{"bench", "--phantom", "0", "--steps", "1", "--json", "-"} +
                                   kShape + words(best.at("settings").get<std::string>())));
  EXPECT_EQ(bench.at("ranks"), best.at("ranks"));
  EXPECT_EQ(bench.at("phantom_rank"), 0);
  EXPECT_GT(bench.at("predicted_seconds").get<double>(), 0.0);
  const auto measured = bench.at("peak_bytes").get<double>();
  EXPECT_NEAR(bench.at("predicted_peak_bytes").get<double>() / measured, 1.0,
              0.3);  // a few hundred KB in all
}

TEST(Plan, OfAConfigurationCountsItsSteps) {
  const TemporaryDirectory d;
  const std::string config = small_config(d.path());
  const auto plan = parsed(seqvit({"plan", config, "--machine", "a100", "--ranks", "4", "--json", "-"}));
  const auto& best = plan.at("layouts")[0];
  EXPECT_GT(best.at("rank_hours").get<double>(), 0.0);
  const auto longer = parsed(
      seqvit({"plan", config, "--tokens", "65536", "--machine", "a100", "--ranks", "4", "--json", "-"}));
  EXPECT_EQ(longer.at("tokens"), 65536);
  EXPECT_GT(longer.at("layouts")[0].at("seconds_per_step"), best.at("seconds_per_step"));

  // `bench` takes the same configuration, and steps it.
  const auto bench = parsed(seqvit({"bench", config, "--steps", "1", "--json", "-"}));
  EXPECT_EQ(bench.at("tokens"), plan.at("tokens"));
  EXPECT_GT(bench.at("seconds_per_step").get<double>(), 0.0);
  for (const char* command : {"plan", "bench"}) {
    const Outcome refused = seqvit({command, config, "--embed_dim", "64"});
    EXPECT_EQ(refused.code, 2);
    EXPECT_NE(refused.err.find("--embed_dim is the configuration's"), std::string::npos) << refused.err;
  }
  const Outcome alone = seqvit({"bench", "--memory", "1GiB"});
  EXPECT_EQ(alone.code, 2);
  EXPECT_NE(alone.err.find("--longest"), std::string::npos) << alone.err;
}

TEST(Plan, WhatItChoosesCannotBeSet) {
  const Outcome outcome = seqvit(Arguments{"plan", "--machine", "a100", "--parallel.sp=4"} + kShape);
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("parallel.sp"), std::string::npos) << outcome.err;
}

TEST(Plan, OfAnUnknownMachineNamesTheNearest) {
  const Outcome outcome = seqvit({"plan", "--machine", "fronteir"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("did you mean 'frontier'"), std::string::npos) << outcome.err;
}

TEST(Plan, WhereNothingFitsSaysSoAndWhatComesNearest) {
  const Arguments huge = {"plan",     "--machine",   "a100",    "--ranks",     "1",
                          "--tokens", "1048576",     "--depth", "200",         "--embed_dim",
                          "8192",     "--num_heads", "64",      "--precision", "bf16"};
  const Outcome outcome = seqvit(huge);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("no layout fits"), std::string::npos) << outcome.out;
  const auto plan = parsed(seqvit(huge + Arguments{"--json", "-"}));
  EXPECT_TRUE(plan.at("layouts").empty());
  EXPECT_FALSE(plan.at("rejected").empty());
}

TEST(Phantom, RankHoldsAndSendsWhatTheRealOneDoes) {
  const Arguments bench = Arguments{"bench",
                                    "--steps",
                                    "1",
                                    "--json",
                                    "-",
                                    "--recompute",
                                    "keep_attention",
                                    "--parallel.sp=2",
                                    "--parallel.tp=2",
                                    "--parallel.sequence=ring",
                                    "--parallel.zero=3"} +
                          kShape;
  const auto real = parsed(mpirun(4, bench)),
             phantom =
                 parsed(seqvit(bench + Arguments{"--phantom", "0", "--ranks", "4"}, quiet_environment()));
  EXPECT_EQ(real.at("bytes_sent"), phantom.at("bytes_sent"));
  const auto peak = real.at("peak_bytes").get<double>();
  EXPECT_NEAR(phantom.at("peak_bytes").get<double>() / peak, 1.0, 0.02);
  EXPECT_EQ(real.at("predicted_peak_bytes"), phantom.at("predicted_peak_bytes"));
}

/// The search tries steps that compute nothing; the real step has the same peak.
TEST(Longest, IsWhatOneRealStepConfirms) {
  for (const auto& [precision, recompute] : {std::pair{"fp32", "none"}, {"bf16", "keep_attention"}}) {
    SCOPED_TRACE(precision);
    const auto found = parsed(
        seqvit({"bench", "--longest", "--memory", "52MiB", "--confirm", "--embed_dim", "32", "--depth", "2",
                "--num_heads", "2", "--precision", precision, "--recompute", recompute, "--json", "-"},
               quiet_environment()));
    EXPECT_EQ(found.at("confirmed"), true) << found;
    const auto& tried = found.at("tried");
    const auto same = std::find_if(tried.begin(), tried.end(), [&](const auto& one) {
      return one.at("tokens") == found.at("longest_tokens");
    });
    ASSERT_NE(same, tried.end()) << found;
    EXPECT_NEAR(found.at("confirmed_peak_bytes").get<double>() / same->at("peak_bytes").get<double>(), 1.0,
                0.002)
        << found;
    // What libraries hold only where they compute (oneDNN's tiles on AMX: 12 MiB) is no tensor, and not in
    // the search.
    EXPECT_NEAR(found.at("confirmed_peak_rss_bytes").get<double>(), same->at("peak_rss_bytes").get<double>(),
                24 << 20)
        << found;
  }
}

TEST(Phantom, OptionsThatCannotBeMeantAreRefused) {
  const auto refused = [](const Arguments& extra, const char* word) {
    const Outcome outcome = seqvit(Arguments{"bench", "--steps", "1"} + kShape + extra);
    EXPECT_EQ(outcome.code, 2) << word;
    EXPECT_NE(outcome.err.find(word), std::string::npos) << outcome.err;
  };
  refused({"--phantom", "4", "--parallel.sp=4"}, "expected 0 to 3");
  refused({"--phantom", "0", "--parallel.sp=4", "--ranks", "8"}, "come to 4");
  refused({"--ranks", "4"}, "--phantom RANK");
  refused({"--phantom", "0", "--attention"}, "--attention");
}

/// Programs of a batch system to stand in for Slurm's: srun starts ranks and sends one of them, the first
/// time, the signal before the end; scontrol writes down that it was asked.
void stand_in_for_slurm(const std::filesystem::path& directory) {
  std::string start;
  for (const std::string& word : mpirun_command(2, {}))
    if (word != seqvit_path()) start += word + " ";
  write_text(directory / "srun",
             "#!/bin/bash\nwhile [ \"${1#--}\" != \"$1\" ]; do shift; done\n" + start + R"("$@" &
if mkdir signalled 2>/dev/null; then
  until grep -q loss run/metrics.jsonl 2>/dev/null; do sleep 0.02; done
  pkill -TERM -P $! -x seqvit
fi
wait $!
)",
             Exit::bug);
  write_text(directory / "scontrol", "#!/bin/bash\necho \"$@\" >>requeued\n", Exit::bug);
  for (const char* name : {"srun", "scontrol"})
    std::filesystem::permissions(directory / name, std::filesystem::perms::owner_all);
}

TEST(Plan, WritesAJobThatIsStartedAgainUntilItIsDone) {
  const TemporaryDirectory d;
  const std::filesystem::path job = d.path() / "a job";
  const Outcome written = seqvit({"plan", small_config(d.path()), "--ranks", "2", "--write", job,
                                  "--scheduler", "slurm", "--train.steps=300"});
  ASSERT_EQ(written.code, 0) << written.err;
  EXPECT_NE(written.out.find("a checkpoint of"), std::string::npos) << written.out;

  stand_in_for_slurm(d.path());
  auto environment = quiet_environment();
  environment["PATH"] = d.path().string() + ":" +
                        std::filesystem::path(seqvit_path()).parent_path().string() + ":" +
                        std::getenv("PATH");
  environment["SLURM_JOB_ID"] = "77";
  const auto submit = [&] { return Process({job / "job.sh"}, environment).wait(); };
  const auto requeued = [&] {
    return std::filesystem::exists(job / "requeued") ? read_text(job / "requeued", Exit::bug) : "";
  };

  const Outcome first = submit();
  EXPECT_EQ(first.code, 0) << first.err;
  EXPECT_EQ(requeued(), "requeue 77\n") << first.err;
  EXPECT_FALSE(std::filesystem::exists(job / "run/checkpoints/step-00000300"));
  const Outcome second = submit();
  EXPECT_EQ(second.code, 0) << second.err;
  EXPECT_TRUE(std::filesystem::exists(job / "run/checkpoints/step-00000300"));
  EXPECT_EQ(requeued(), "requeue 77\n") << "it was done";

  // What is wrong with the job itself is not tried again, and what is there is not written over.
  write_text(job / "config.yaml", "model: {depht: 3}\n", Exit::bug);
  std::filesystem::remove_all(job / "run");
  EXPECT_EQ(submit().code, 2);
  EXPECT_EQ(requeued(), "requeue 77\n");
  EXPECT_EQ(seqvit({"plan", small_config(d.path()), "--ranks", "2", "--write", job}).code, 2);
}

TEST(Plan, WritesNoJobThatCannotRun) {
  const TemporaryDirectory d;
  const std::string config = small_config(d.path());
  for (const auto& [arguments, says] : std::vector<std::pair<Arguments, std::string>>{
           {kShape, "give its file"},
           {{config, "--tokens", "4096"}, "--tokens"},
           {{config, "--machine", "a100", "--hours", "0.01"}, "--hours"}}) {
    const Outcome outcome =
        seqvit(Arguments{"plan", "--ranks", "2", "--write", d.path() / "job"} + arguments);
    EXPECT_EQ(outcome.code, 2);
    EXPECT_NE(outcome.err.find(says), std::string::npos) << outcome.err;
    EXPECT_FALSE(std::filesystem::exists(d.path() / "job"));
  }
}

TEST(Plan, ARunWithoutRoomDoesNotStart) {
  const TemporaryDirectory d;
  const std::filesystem::path run = d.path() / "run";
  const Outcome outcome = seqvit({"train", small_config(d.path()), "--run", run, "--model.embed_dim=131072"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("this machine has"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("memory.must_fit=false"), std::string::npos) << outcome.err;
  EXPECT_FALSE(std::filesystem::exists(run));
}

}  // namespace
}  // namespace seqvit::cli
