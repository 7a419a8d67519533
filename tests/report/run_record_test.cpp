#include "report/run_record.h"

#include <cmath>
#include <fstream>

#include <gtest/gtest.h>

#include "core/file.h"
#include "report/facts.h"
#include "report/run_files.h"
#include "support/errors.h"
#include "support/temporary_directory.h"

namespace seqvit::report {
namespace {

TEST(RunRecord, HoldsWhatTheFilesSay) {
  const TemporaryDirectory d;
  write_run(d.path(), 40);
  write_scores(d.path(), 2);
  const RunRecord run = read_run(d.path());
  EXPECT_EQ(run.config.train.steps, 40);
  EXPECT_EQ(run.manifest.tokens, 1234);
  EXPECT_EQ(run.manifest.checksums.at(0),
            std::pair(std::string("weather & more.nc"), std::string("0123456789abcdef")));
  ASSERT_EQ(run.steps.size(), 40U);
  EXPECT_DOUBLE_EQ(run.steps[3].loss, 0.5);
  ASSERT_EQ(run.validations.size(), 10U);
  EXPECT_EQ(best_validation(run)->step, 40);
  EXPECT_DOUBLE_EQ(time_spent(run).steps, 10.0);
  EXPECT_DOUBLE_EQ(time_spent(run).data, 2.5);
  EXPECT_DOUBLE_EQ(peak_rss_bytes(run), 106 * 1048576.0);
  const auto rows = score_rows(run.scores);
  ASSERT_EQ(rows.size(), 4U) << "two variables at two leads";
  EXPECT_EQ(rows[1].lead_hours, 12.0);
  EXPECT_DOUBLE_EQ(rows[1].metric("rmse").value, 3.0);
  EXPECT_TRUE(std::isnan(rows[1].metric("rmse").climatology)) << "null is not a number";
  EXPECT_TRUE(std::isnan(rows[1].metric("no such").value));
  ASSERT_EQ(run.spectra.size(), 4U);
  EXPECT_EQ(run.spectra[1].lead_hours, 12.0);
  EXPECT_DOUBLE_EQ(run.spectra[1].small_scale_ratio(), 0.25);
}

TEST(RunRecord, NeedsNothingButTheConfiguration) {
  const TemporaryDirectory d;
  write_run(d.path(), 5);
  std::filesystem::remove(d / "manifest.json");
  std::filesystem::remove(d / "metrics.jsonl");
  const RunRecord run = read_run(d.path());
  EXPECT_TRUE(run.steps.empty());
  EXPECT_FALSE(best_validation(run));
  expect_error(Exit::usage, {"not a run directory"}, [&] { read_run(d / "nowhere"); });
}

TEST(RunRecord, ALineThatIsBeingWrittenIsLeftOut) {
  const TemporaryDirectory d;
  write_run(d.path(), 5);
  std::ofstream(d / "metrics.jsonl", std::ios::app) << R"({"step": 6, "lo)";
  EXPECT_EQ(read_run(d.path()).steps.size(), 5U);
}

TEST(RunRecord, DamagedFilesAreNamed) {
  const TemporaryDirectory d;
  for (const char* name : {"manifest.json", "metrics.jsonl", "scores.json"}) {
    write_run(d.path(), 5);
    write_text(d / name, "{\"step\": \"x\", \"tokens\": [}\n", Exit::bug);
    expect_error(Exit::checkpoint, {name}, [&] { read_run(d.path()); });
    std::filesystem::remove(d / name);
  }
  write_run(d.path(), 5);
  write_text(d / "scores.json", R"({"scores": [{"variable": 3}]})", Exit::bug);
  expect_error(Exit::checkpoint, {"scores.json"}, [&] { read_run(d.path()); });
}

}  // namespace
}  // namespace seqvit::report
