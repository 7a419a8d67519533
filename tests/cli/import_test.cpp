/// Weights of one run as the start of another, from the outside.
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/program.h"
#include "core/file.h"
#include "support/temporary_directory.h"

namespace seqvit::cli {
namespace {

/// A small run of 300 steps, and what `seqvit export` makes of it.
struct Exported {
  TemporaryDirectory d;
  std::string config = small_config(d.path());
  std::string weights = d / "weights.safetensors";

  Exported() {
    EXPECT_EQ(
        seqvit({"train", config, "--run", d / "source", "--train.steps=300", "--train.learning_rate=1e-2"})
            .code,
        0);
    EXPECT_EQ(seqvit({"export", d / "source", "--output", weights}).code, 0);
  }
  Outcome import(const std::string& run, std::vector<std::string> extra = {}) const {
    extra.insert(extra.begin(), {"import", config, "--weights", weights, "--run", d / run});
    return seqvit(extra);
  }
  /// The 6-hour error over the test period.
  nlohmann::json score(const std::string& run) const {
    EXPECT_EQ(seqvit({"evaluate", d / run}).code, 0);
    const auto scores = nlohmann::json::parse(read_text(d / run / "scores.json", Exit::bug)).at("scores");
    for (const auto& s : scores) {
      if (s.at("metric") == "rmse" && s.at("region") == "global" && s.at("lead_hours") == 6) return s;
    }
    return nullptr;
  }
};

/// Made once: each test gives its runs names of their own.
const Exported& exported() {
  static const Exported e;
  return e;
}

TEST(Import, OfTheSameModelIsTheSameWeightsAndScores) {
  const Exported& e = exported();
  const Outcome outcome = e.import("copy");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  ASSERT_EQ(seqvit({"export", e.d / "copy", "--output", e.d / "again.safetensors"}).code, 0);
  EXPECT_EQ(file_checksum(e.d / "again.safetensors", Exit::bug), file_checksum(e.weights, Exit::bug));
  EXPECT_EQ(e.score("copy"), e.score("source"));
}

TEST(Import, AtAnotherPatchSizeForecastsAndGoesOnTraining) {
  const Exported& e = exported();
  for (const std::string patch : {"3", "8"}) {
    const std::string setting = "--model.patch_size=" + patch, run = "patch-" + patch,
                      fresh = "fresh-" + patch;
    const Outcome outcome = e.import(run, {setting, "--json", "-"});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    const auto report = nlohmann::json::parse(outcome.out);
    EXPECT_EQ(report.at("resampled"),
              nlohmann::json({"patch_embed.proj.weight", "pos_embed", "head.weight", "head.bias"}));
    EXPECT_TRUE(report.at("initial").empty() && report.at("unused").empty());
    EXPECT_EQ(report.at("checksum_xxh3"), file_checksum(e.weights, Exit::bug));
    EXPECT_EQ(nlohmann::json::parse(read_text(e.d / run / "import.json", Exit::bug)), report);

    ASSERT_EQ(seqvit({"train", e.config, "--run", e.d / fresh, setting, "--stop-after", "1"}).code, 0);
    EXPECT_LT(e.score(run).at("value"), 0.8 * e.score(fresh).at("value").get<double>());

    const Outcome trained =
        seqvit({"train", e.config, "--run", e.d / run, setting, "--resume", "--stop-after", "3"});
    ASSERT_EQ(trained.code, 0) << trained.err;
    EXPECT_NE(trained.err.find("step-00000000"), std::string::npos) << trained.err;
    EXPECT_EQ(losses(e.d / run).size(), 3U);
    EXPECT_LT(std::stod(losses(e.d / run).at(1)), 0.7 * std::stod(losses(e.d / fresh).at(1)));
  }
}

TEST(Import, IntoOtherDataSaysWhatIsNewAndThatTheRegionDiffers) {
  const Exported& e = exported();
  const std::string globe = e.d / "globe.nc";
  ASSERT_EQ(seqvit({"generate", globe, "--truncation", "10", "--days", "6", "--spinup", "1"}).code, 0);
  const Outcome outcome =
      e.import("globe", {"--data.files=[" + globe + "]", "--data.variables=[t, h]",
                         "--data.split.train=[0, 20]", "--data.split.validation=[]", "--data.split.test=[]"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  for (const char* words : {"at initial values: 3 (patch_embed.proj.weight, head.weight, head.bias)",
                            "resampled: 1 (pos_embed)", "not used of", "3 (seqvit.head.bias",
                            "warning: ", "latitudes 75 to 15", "another region", "--resume"})
    EXPECT_NE(outcome.err.find(words), std::string::npos) << words << " not in " << outcome.err;
}

TEST(Import, OfWhatFitsNowhereWritesNothing) {
  const Exported& e = exported();
  const auto before = files_below(e.d.path());
  const auto refuse = [&](std::vector<std::string> extra, int code, const std::vector<std::string>& words) {
    const Outcome outcome = e.import("new", std::move(extra));
    EXPECT_EQ(outcome.code, code) << outcome.err;
    EXPECT_TRUE(outcome.err.starts_with("seqvit: error: ")) << outcome.err;
    EXPECT_EQ(outcome.err.find('\n'), outcome.err.size() - 1) << outcome.err;
    for (const std::string& word : words)
      EXPECT_NE(outcome.err.find(word), std::string::npos) << word << " not in " << outcome.err;
    EXPECT_EQ(files_below(e.d.path()), before);
  };
  refuse({"--model.embed_dim=32"}, 4,
         {"weights.safetensors", "blocks.0", "[32]", "[16]", "model.embed_dim=16"});
  refuse({"--model.depth=3"}, 4, {"weights.safetensors", "model.depth=2"});
  refuse({"--model.num_heads=2"}, 4, {"weights.safetensors", "model.num_heads=4"});
  refuse({"--weights", "nowhere"}, 2, {"--weights"});
  refuse({"--source_grid", "5by11"}, 2, {"--source_grid", "5by11"});
  refuse({"--source_grid", "5x11"}, 2, {"--source_grid", "5 x 11"});

  const Outcome again = seqvit({"import", e.config, "--weights", e.weights, "--run", e.d / "source"});
  EXPECT_EQ(again.code, 2);
  EXPECT_NE(again.err.find("new --run directory"), std::string::npos) << again.err;
  const Outcome nowhere =
      seqvit({"import", e.config, "--weights", e.d / "no.safetensors", "--run", e.d / "new"});
  EXPECT_EQ(nowhere.code, 4) << nowhere.err;
  // A limit of 20 blocks of 1024 bytes on any file that is written: a checkpoint has some 100,000 bytes.
  const Outcome full = Process({"bash", "-c", "ulimit -f 20; exec \"$@\"", "bash", seqvit_path(), "import",
                                e.config, "--weights", e.weights, "--run", e.d / "new"},
                               quiet_environment())
                           .wait();
  EXPECT_EQ(full.code, 4) << full.err;
  EXPECT_EQ(files_below(e.d.path()), before);
}

}  // namespace
}  // namespace seqvit::cli
