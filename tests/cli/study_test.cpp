/// seqvit study: variants, seeds and controls, each trained once.
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/program.h"
#include "core/file.h"
#include "support/temporary_directory.h"

namespace seqvit::cli {
namespace {

TEST(Study, ComparesPatchSizesOverSeedsAndWithTheSameOperations) {
  const TemporaryDirectory d;
  std::vector<std::string> command = {"study",
                                      small_config(d.path()),
                                      "--run",
                                      d / "study",
                                      "--patch_sizes",
                                      "10,5",
                                      "--seeds",
                                      "1,2",
                                      "--same_operations",
                                      "--train.steps=12",
                                      "--evaluate.stride=8",
                                      "--json",
                                      d / "out.json"};
  const Outcome first = seqvit(command);
  ASSERT_EQ(first.code, 0) << first.err;
  EXPECT_NE(first.out.find("patch 10"), std::string::npos) << first.out;
  const auto variants = nlohmann::json::parse(read_text(d / "out.json", Exit::bug)).at("variants");
  ASSERT_EQ(variants.size(), 4U);
  const auto& coarse = variants[0];
  const auto& fine = variants[1];
  const auto& control = variants[2];
  EXPECT_EQ(coarse.at("name"), "patch 10");
  EXPECT_EQ(coarse.at("tokens"), 3 * 6);  // 25 x 53 points
  EXPECT_EQ(fine.at("tokens"), 5 * 11);
  EXPECT_EQ(coarse.at("seeds"), (nlohmann::json{1, 2}));
  EXPECT_EQ(coarse.at("steps"), 12);
  // The coarse model once more, for as many operations as the fine one; the fine one is its own control.
  EXPECT_EQ(control.at("budget"), "operations");
  EXPECT_GT(control.at("steps"), 24);
  EXPECT_NEAR(control.at("operations").get<double>() / fine.at("operations").get<double>(), 1.0, 0.03);
  EXPECT_EQ(variants[3].at("scores"), fine.at("scores"));
  for (const auto& variant : variants) {
    for (const auto& score : variant.at("scores")) {
      const auto& rmse = score.at("rmse");
      EXPECT_TRUE(0 < rmse.at("low") && rmse.at("low") < rmse.at("mean") &&
                  rmse.at("mean") < rmse.at("high"));
    }
  }
  // Any two variants at the same initial times: the mean difference is that of their scores per step.
  const auto differences = nlohmann::json::parse(read_text(d / "out.json", Exit::bug)).at("differences");
  ASSERT_EQ(differences.size(), 12U) << "one variable, two leads, pairs of four";
  const auto& pair = differences[0];
  EXPECT_EQ(pair.at("one"), 1);
  EXPECT_EQ(pair.at("other"), 0);
  const auto per_step = [](const nlohmann::json& variant) {
    return variant.at("scores").at(0).at("rmse_per_step").at("mean").get<double>();
  };
  EXPECT_NEAR(pair.at("mean").get<double>(), per_step(coarse) - per_step(fine), 1e-12);
  EXPECT_TRUE(pair.at("low") < pair.at("mean") && pair.at("mean") < pair.at("high"));
  EXPECT_NE(first.out.find("less than the first"), std::string::npos);
  const std::string page = read_text(d / "study/study.html", Exit::bug);
  EXPECT_NE(page.find("<svg"), std::string::npos);
  EXPECT_NE(page.find("same operations"), std::string::npos);

  // Nothing is trained twice; a run whose scores are lost is only scored again.
  std::filesystem::remove(d / "study/patch-5-seed-2/scores.json");
  const auto trained = std::filesystem::last_write_time(d / "study/patch-10-seed-1/metrics.jsonl");
  const Outcome again = seqvit(command);
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(std::filesystem::last_write_time(d / "study/patch-10-seed-1/metrics.jsonl"), trained);
  EXPECT_EQ(nlohmann::json::parse(read_text(d / "out.json", Exit::bug)).at("variants")[1].at("scores"),
            fine.at("scores"));
  command.emplace_back("--train.learning_rate=1e-4");
  const Outcome another = seqvit(command);
  EXPECT_EQ(another.code, 2);
  EXPECT_NE(another.err.find("train.learning_rate is"), std::string::npos) << another.err;
}

TEST(Study, OneSeedHasItsOwnIntervalAndAPatchSizeMayHaveItsOwnTokens) {
  const TemporaryDirectory d;
  const Outcome study =
      seqvit({"study", small_config(d.path()), "--run", d / "study", "--patch_sizes", "10,10:aggregated",
              "--train.steps=8", "--evaluate.stride=8", "--json", d / "out.json"});
  ASSERT_EQ(study.code, 0) << study.err;
  const auto variants = nlohmann::json::parse(read_text(d / "out.json", Exit::bug)).at("variants");
  ASSERT_EQ(variants.size(), 2U);
  EXPECT_EQ(variants[0].at("name"), "patch 10");
  EXPECT_EQ(variants[1].at("name"), "patch 10, aggregated tokens");
  const auto run =
      nlohmann::json::parse(read_text(d / "study/patch-10-aggregated-seed-1/scores.json", Exit::bug));
  const auto& rmse = variants[1].at("scores").at(0).at("rmse");
  bool found = false;
  for (const auto& score : run.at("scores")) {
    if (score.at("metric") != "rmse" || score.at("value") != rmse.at("mean")) continue;
    found = true;
    EXPECT_EQ(rmse.at("low"), score.at("low"));
    EXPECT_EQ(rmse.at("high"), score.at("high"));
    EXPECT_LT(rmse.at("low"), rmse.at("mean"));
  }
  EXPECT_TRUE(found);

  for (const char* bad : {"10,none", "10:words"}) {
    const Outcome refused =
        seqvit({"study", small_config(d.path()), "--run", d / "other", "--patch_sizes", bad});
    EXPECT_EQ(refused.code, 2) << refused.err;
  }
}

}  // namespace
}  // namespace seqvit::cli
