#include <cmath>

#include <fmt/core.h>

#include "core/log.h"
#include "core/median.h"
#include "draw/axis.h"
#include "evaluate/score_report.h"
#include "report/curves.h"
#include "report/facts.h"
#include "report/sections.h"

namespace seqvit::report {
namespace {

std::string with_units(double value, const std::string& units) {
  return evaluate::number_text(value) + (units.empty() ? "" : " " + units);
}

// ": 43 % less than persistence (2.266 K)".
std::string compared(double value, double reference, const char* name, const std::string& units) {
  const double percent = 100 * (value / reference - 1);
  return fmt::format("{:.0f} % {} than {} ({})", std::abs(percent), percent < 0 ? "less" : "more", name,
                     with_units(reference, units));
}

// The result in a sentence, from the first variable at its first lead.
std::string result_sentence(const ScoreRow& row) {
  const evaluate::Score rmse = row.metric("rmse");
  std::string text = fmt::format("Forecasts of {} {} ahead have an RMSE of {}", row.variable,
                                 evaluate::lead_text(row.lead_hours), with_units(rmse.value, row.units));
  const char* joint = ": ";
  if (rmse.persistence > 0) {
    text += joint + compared(rmse.value, rmse.persistence, "persistence", row.units);
    joint = " and ";
  }
  if (rmse.climatology > 0) text += joint + compared(rmse.value, rmse.climatology, "climatology", row.units);
  return text + ".";
}

Html headline(const Report& report) {
  const auto rows = score_rows(report.run.scores);
  if (!rows.empty()) return paragraph(result_sentence(rows.front()), "lead");
  const std::string command = "seqvit evaluate " + report.run.directory.string();
  return note("Not scored yet. " + element("code", {}, command) + " compares its forecasts with the data.");
}

Html tiles(const RunRecord& run) {
  const auto last = run.steps.empty() ? int64_t{0} : run.steps.back().step;
  const auto best = best_validation(run);
  std::vector<double> speeds;
  for (const StepMetrics& step : run.steps)
    speeds.push_back(step.tokens_per_second);
  const auto count = [](int64_t value) { return value > 0 ? draw::grouped(value) : std::string(); };
  return facts_list({{"Tokens a sample", count(run.manifest.tokens)},
                     {"Parameters", count(run.manifest.parameters)},
                     {"Steps of " + draw::grouped(run.config.train.steps), draw::grouped(last)},
                     {"Best validation loss", best ? evaluate::number_text(best->loss) : ""},
                     {"Time in steps", speeds.empty() ? "" : format_duration(time_spent(run).steps)},
                     {"Tokens a second", speeds.empty() ? "" : draw::grouped(std::llround(median(speeds)))}},
                    "tiles");
}

}  // namespace

Html report_header(const Report& report) {
  std::string name = std::filesystem::absolute(report.run.directory).lexically_normal().filename().string();
  if (name.empty()) name = report.run.directory.parent_path().filename().string();  // "runs/a/"
  return element(
      "header", {},
      {paragraph("seqvit run", "kicker"), element("h1", {}, name), headline(report), tiles(report.run)});
}

}  // namespace seqvit::report
