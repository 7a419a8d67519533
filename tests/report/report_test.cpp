#include "report/report.h"

#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "draw/markup_check.h"
#include "evaluate/score_report.h"
#include "report/run_files.h"
#include "support/temporary_directory.h"

namespace seqvit::report {
namespace {

using draw::attribute_values, draw::markup_problem, draw::occurrences;
using evaluate::ForecastMaps;

const std::string kWicked = "</title><script>alert(1)</script>&'\"";

// Fields of a global grid that no PNG can make small.
ForecastMaps noisy_maps(int64_t rows, int64_t columns) {
  ForecastMaps maps;
  for (int64_t j = 0; j < rows; ++j)
    maps.grid.latitude.push_back(-90 + 180 * (static_cast<double>(j) + 0.5) / static_cast<double>(rows));
  for (int64_t i = 0; i < columns; ++i)
    maps.grid.longitude.push_back(360.0 * static_cast<double>(i) / static_cast<double>(columns));
  uint32_t state = 1;
  const auto noise = [&state] { return static_cast<float>((state = state * 1664525U + 1013904223U) >> 8); };
  for (int64_t i = 0; i < maps.grid.points(); ++i) {
    maps.truth.push_back(noise());
    maps.forecast.push_back(noise());
    maps.land.push_back(noise() / 16777216.0F);
  }
  maps.text = {.variable = "t",
               .units = "K",
               .initial_time = "2014-07-01 00:00",
               .valid_time = "2014-07-02 00:00",
               .lead = "24 h"};
  return maps;
}

Report report_of(const std::filesystem::path& directory) {
  Report report;
  report.run = read_run(directory);
  report.maps_missing = "no data here";
  return report;
}

void expect_sound(const std::string& page) {
  EXPECT_EQ(markup_problem(page), "");
  EXPECT_LT(page.size(), 3'000'000U);
  const auto ids = attribute_values(page, "id");
  EXPECT_EQ(std::set(ids.begin(), ids.end()).size(), ids.size()) << "an id occurs twice";
  for (const std::string& link : attribute_values(page, "href")) {
    EXPECT_TRUE(link.starts_with("#") || link.starts_with("data:image/png;base64,")) << link.substr(0, 80);
  }
  for (const char* foreign : {"<script", "<link", " src=", "http:", "https:", "@import"})
    EXPECT_EQ(page.find(foreign), std::string::npos) << foreign;
  EXPECT_EQ(page.find(">nan<"), std::string::npos);
}

TEST(Report, OfAFinishedRunHasFiguresAndTables) {
  const TemporaryDirectory d;
  write_run(d.path(), 3000);
  write_scores(d.path(), 3);
  Report report = report_of(d.path());
  report.maps = noisy_maps(24, 48);
  report.data = DataFacts{report.maps->grid, {{"Training", "2014-01-01 00:00", "2014-06-30 18:00", 724}}};
  const std::string page = report_page(report);
  expect_sound(page);
  EXPECT_EQ(occurrences(page, "<figure"), 4 + 2 + 3 + 6)
      << "skill and RMSE of two variables, their spectra, maps, training";
  EXPECT_EQ(occurrences(page, "data:image/png"), 3);
  EXPECT_EQ(occurrences(page, "<table"), 2) << "whole grid and tropics";
  EXPECT_EQ(occurrences(page, "role=\"img\""), occurrences(page, "<figure"));
  for (const char* word : {"25 % less than persistence", "1.35 to 1.65", "0.394 to 0.481", "24 x 48 points",
                           "724 times", "56,789", "0123456789abcdef", "12 min 30 s", "weather &amp; more.nc",
                           "forecast, 6 h (small scales: 0.5)", "forecast, 18 h (small scales: 0.125)"}) {
    EXPECT_NE(page.find(word), std::string::npos) << word;
  }
  EXPECT_EQ(page, report_page(report)) << "the same run gives the same page";
}

TEST(Report, OfScoresWithoutSpectraLeavesThemOut) {
  const TemporaryDirectory d;
  write_run(d.path(), 20);
  write_scores(d.path(), 1);
  auto json = nlohmann::json::parse(read_text(d / "scores.json", Exit::bug));
  json.erase("spectra");  // as earlier versions wrote it
  write_text(d / "scores.json", json.dump(), Exit::bug);
  const std::string page = report_page(report_of(d.path()));
  expect_sound(page);
  EXPECT_EQ(page.find("blur"), std::string::npos);
  EXPECT_NE(page.find("Skill 6 h ahead"), std::string::npos);
}

TEST(Report, OfAnEnsembleShowsItsScoresAndRanks) {
  const TemporaryDirectory d;
  write_run(d.path(), 20, kWicked);
  for (const int leads : {1, 3}) {
    write_scores(d.path(), leads, kWicked);
    auto json = nlohmann::json::parse(read_text(d / "scores.json", Exit::bug));
    std::vector<evaluate::RankHistogram> histograms;
    for (const std::string& variable : {std::string("t"), kWicked}) {
      for (int lead = 1; lead <= leads; ++lead) {
        histograms.push_back({variable, 6.0 * lead, 2, {0.5, 0.25, 0.25}});
      }
    }
    for (nlohmann::json& score : json["scores"]) {
      if (score["metric"] == "bias") score["metric"] = "crps", score["value"] = 0.625;
      if (score["metric"] == "acc") score["metric"] = "spread_skill", score["value"] = 0.8125;
    }
    json["rank_histograms"] = evaluate::rank_histograms_to_json(histograms);
    write_text(d / "scores.json", json.dump(), Exit::bug);
    const Report report = report_of(d.path());
    ASSERT_EQ(report.run.rank_histograms.size(), 2U * leads);
    EXPECT_EQ(report.run.rank_histograms[0].frequency, (std::vector<double>{0.5, 0.25, 0.25}));
    EXPECT_DOUBLE_EQ(report.run.rank_histograms[0].outliers(), 1.125);
    const std::string page = report_page(report);
    expect_sound(page);
    for (const char* word : {"2 members", "0.6250", "0.8125", "1.125", "Ranks of the truth"})
      EXPECT_NE(page.find(word), std::string::npos) << word;
    EXPECT_EQ(page.find("CRPS of t") != std::string::npos, leads > 1);
  }
}

TEST(Report, SaysWhatIsMissing) {
  const TemporaryDirectory d;
  write_run(d.path(), 1);
  std::filesystem::remove(d / "manifest.json");
  std::filesystem::remove(d / "metrics.jsonl");
  const std::string page = report_page(report_of(d.path()));
  expect_sound(page);
  for (const char* word : {"Not scored yet", "no scores.json", "There are no maps: no data here",
                           "No step is recorded", "no manifest.json"}) {
    EXPECT_NE(page.find(word), std::string::npos) << word;
  }
  const nlohmann::json json = report_json(report_of(d.path()));
  EXPECT_EQ(json.at("missing"),
            nlohmann::json({"scores", "validation", "metrics", "manifest", "data", "maps"}));
  EXPECT_TRUE(json.at("best_validation").is_null());
}

TEST(Report, EscapesWhateverComesFromFiles) {
  const TemporaryDirectory d;
  const auto run = d / ("run " + std::string("<b>&"));
  write_run(run, 20, kWicked);
  for (const int leads : {1, 3}) {
    write_scores(run, leads, kWicked);
    Report report = report_of(run);
    report.maps = noisy_maps(4, 8);
    report.maps->text.variable = report.maps->text.units = kWicked;
    const std::string page = report_page(report);
    expect_sound(page);
    EXPECT_GT(occurrences(page, "&lt;/title&gt;&lt;script&gt;"), 3);
  }
}

TEST(Report, OneLeadIsShownByVariable) {
  const TemporaryDirectory d;
  write_run(d.path(), 20);
  write_scores(d.path(), 1);
  const std::string page = report_page(report_of(d.path()));
  expect_sound(page);
  EXPECT_NE(page.find("Skill 6 h ahead"), std::string::npos);
  EXPECT_NE(page.find("Anomaly correlation"), std::string::npos);
}

TEST(Report, StaysBelow3MegabytesWhateverTheRun) {
  const TemporaryDirectory d;
  write_run(d.path(), 50000);
  write_scores(d.path(), 500);
  Report report = report_of(d.path());
  for (const auto& [rows, columns] : {std::pair{721, 1440}, {300, 300}}) {
    report.maps = noisy_maps(rows, columns);
    expect_sound(report_page(report));
  }
}

TEST(Report, JsonHoldsThePagesNumbers) {
  const TemporaryDirectory d;
  write_run(d.path(), 40);
  write_scores(d.path(), 2);
  const nlohmann::json json = report_json(report_of(d.path()));
  EXPECT_EQ(json.at("scores").size(), 40U);
  EXPECT_EQ(json.at("spectra").size(), 4U);
  EXPECT_EQ(json.at("tokens"), 1234);
  EXPECT_EQ(json.at("steps"), 40);
  EXPECT_EQ(json.at("best_validation").at("step"), 40);
  EXPECT_EQ(json.at("seconds"), (nlohmann::json{{"steps", 10.0}, {"data", 2.5}}));
  EXPECT_EQ(json.at("missing"), nlohmann::json({"data", "maps"}));
}

}  // namespace
}  // namespace seqvit::report
