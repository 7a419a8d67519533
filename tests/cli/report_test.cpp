/// The report from the outside: a run before and after it is scored, on any mesh, and without its data.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/program.h"
#include "core/file.h"
#include "support/temporary_directory.h"

namespace seqvit::cli {
namespace {

TEST(Report, GrowsWithTheRun) {
  const TemporaryDirectory d;
  ASSERT_EQ(seqvit({"train", small_config(d.path()), "--run", d / "r", "--stop-after", "20"}).code, 0);
  const Outcome before = seqvit({"report", d / "r", "--json", "-"});
  ASSERT_EQ(before.code, 0) << before.err;
  EXPECT_EQ(nlohmann::json::parse(before.out).at("missing"), nlohmann::json({"scores"}));
  EXPECT_NE(read_text(d / "r/report.html", Exit::bug).find("Not scored yet"), std::string::npos);

  ASSERT_EQ(seqvit({"evaluate", d / "r"}).code, 0);
  const Outcome after =
      seqvit({"report", d / "r", "--output", d / "page.html", "--json", "-", "--init", "2013-03-01T06"});
  ASSERT_EQ(after.code, 0) << after.err;
  const auto json = nlohmann::json::parse(after.out);
  EXPECT_TRUE(json.at("missing").empty()) << json.at("missing");
  EXPECT_EQ(json.at("scores"), nlohmann::json::parse(read_text(d / "r/scores.json", Exit::bug)).at("scores"));
  const std::string page = read_text(d / "page.html", Exit::bug);
  EXPECT_NE(page.find("forecast from 2013-03-01 06:00 for 2013-03-02 06:00, 24 h ahead"), std::string::npos)
      << "the longest lead that is scored";
  EXPECT_NE(page.find("25 x 53 points"), std::string::npos);
}

TEST(Report, OfARunOnSeveralRanksNeedsOne) {
  const TemporaryDirectory d;
  const Outcome trained = mpirun(2, {"train", small_config(d.path()), "--run", d / "r", "--parallel.sp=2",
                                     "--parallel.sequence=ring", "--stop-after", "3"});
  ASSERT_EQ(trained.code, 0) << trained.err;
  const Outcome outcome = seqvit({"report", d / "r", "--json", "-"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(nlohmann::json::parse(outcome.out).at("missing"), nlohmann::json({"scores", "validation"}));
  EXPECT_NE(read_text(d / "r/report.html", Exit::bug).find("2 ranks"), std::string::npos);
}

TEST(Report, WithoutCheckpointsHasNoMapsAndSaysWhy) {
  const TemporaryDirectory d;
  ASSERT_EQ(seqvit({"train", small_config(d.path()), "--run", d / "r", "--stop-after", "2"}).code, 0);
  std::filesystem::remove_all(d / "r/checkpoints");
  const Outcome outcome = seqvit({"report", d / "r"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("report without maps"), std::string::npos) << outcome.err;
  EXPECT_NE(read_text(d / "r/report.html", Exit::bug).find("There are no maps"), std::string::npos);
}

TEST(Report, RefusesWhatItCannotShow) {
  const TemporaryDirectory d;
  ASSERT_EQ(seqvit({"train", small_config(d.path()), "--run", d / "r", "--stop-after", "2"}).code, 0);
  const auto expect_usage = [&](std::vector<std::string> extra, const std::string& word) {
    std::vector<std::string> arguments = {"report", d / "r"};
    arguments.insert(arguments.end(), extra.begin(), extra.end());
    const Outcome outcome = seqvit(arguments);
    EXPECT_EQ(outcome.code, 2) << outcome.err;
    EXPECT_NE(outcome.err.find(word), std::string::npos) << outcome.err;
    EXPECT_FALSE(std::filesystem::exists(d / "r/report.html"));
  };
  expect_usage({"--init", "1999-01-01"}, "1999-01-01");
  expect_usage({"--lead", "7h"}, "7h");
  expect_usage({"--variable", "airr"}, "airr");
  expect_usage({"--train.steps=3"}, "train.steps");
  EXPECT_EQ(seqvit({"report", d.path()}).code, 2) << "not a run";
}

}  // namespace
}  // namespace seqvit::cli
