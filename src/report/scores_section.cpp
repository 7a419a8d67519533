#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/core.h>

#include "evaluate/score_report.h"
#include "report/chart.h"
#include "report/chart_axis.h"
#include "report/facts.h"
#include "report/sections.h"

namespace seqvit {
namespace {

constexpr size_t kMostPanels = 12, kMostRows = 400;  // of variables in figures, of lines in a table

constexpr const char* kReferences[] = {"against persistence", "against climatology"};
constexpr const char* kMetrics[] = {"skill_persistence", "skill_climatology"};

ChartPoint point(const ScoreRow& row, const char* metric) {
  const Score score = row.metric(metric);
  return {row.lead_hours, score.value, score.low, score.high};
}

std::string range_text(const Score& score, const char* format) {
  if (!std::isfinite(score.low) || !std::isfinite(score.high)) return "";
  return fmt::format(fmt::runtime(format), score.low) + " to " +
         fmt::format(fmt::runtime(format), score.high);
}

// Skill of one variable over lead time.
Html lead_chart(const std::vector<ScoreRow>& rows, const std::string& variable, size_t number) {
  LineChart chart;
  chart.include_zero = true;
  chart.text = {.id = fmt::format("skill-{}", number),
                .title = "Skill for " + variable,
                .description =
                    "Skill by lead time against persistence and climatology, with 95 % intervals. "
                    "The table below has the numbers.",
                .x_label = "lead time, hours",
                .y_label = "skill (1 is perfect)"};
  for (int reference = 0; reference < 2; ++reference) {
    Series series{kReferences[reference], reference + 1, Series::Mark::dotted_line, {}};
    for (const ScoreRow& row : rows) {
      if (row.variable == variable) series.points.push_back(point(row, kMetrics[reference]));
    }
    chart.series.push_back(std::move(series));
  }
  return line_chart(chart);
}

// Skill of all variables at the one lead there is.
Html variable_chart(const std::vector<ScoreRow>& rows) {
  DotChart chart;
  chart.text = {.id = "skill",
                .title = fmt::format("Skill {} ahead", lead_text(rows.front().lead_hours)),
                .description =
                    "Skill of each variable against persistence and climatology, with 95 % "
                    "intervals. The table below has the numbers.",
                .x_label = "skill (0: no better than the reference, 1: perfect)"};
  chart.series = {kReferences[0], kReferences[1]};
  for (const ScoreRow& row : rows) {
    if (chart.rows.size() == 2 * kMostPanels) break;
    chart.rows.push_back({row.variable, {point(row, kMetrics[0]), point(row, kMetrics[1])}});
  }
  return dot_chart(chart);
}

Html skill_figures(const std::vector<ScoreRow>& rows) {
  std::vector<std::string> variables;
  std::set<double> leads;
  for (const ScoreRow& row : rows) {
    leads.insert(row.lead_hours);
    if (std::find(variables.begin(), variables.end(), row.variable) == variables.end())
      variables.push_back(row.variable);
  }
  if (leads.size() == 1) return element("div", {{"class", "charts"}}, variable_chart(rows));
  Html figures;
  for (size_t i = 0; i < std::min(variables.size(), kMostPanels); ++i)
    figures += lead_chart(rows, variables[i], i);
  Html all = element("div", {{"class", "charts"}}, figures);
  if (variables.size() > kMostPanels) {
    all += paragraph(fmt::format("Figures show the first {} of {} variables; the table has all.", kMostPanels,
                                 variables.size()),
                     "soft");
  }
  return all;
}

Html cell(const std::string& value, const std::string& below = "", bool best = false) {
  Html content = best ? element("span", {{"class", "best"}}, value) : Html(value);
  if (!below.empty()) content += element("small", {}, below);
  return element("td", {}, content);
}

std::string fraction(double value) {
  return std::isfinite(value) ? fmt::format("{:.3f}", value) : "-";
}

// The lowest RMSE of the three is marked, whosever it is.
Html table_row(const ScoreRow& row) {
  const Score rmse = row.metric("rmse"), bias = row.metric("bias"), acc = row.metric("acc");
  const double lowest = std::fmin(rmse.value, std::fmin(rmse.persistence, rmse.climatology));
  const auto rmse_cell = [&](double value, const std::string& below = "") {
    return cell(number_text(value), below, value == lowest);
  };
  const std::string name = row.variable + (row.units.empty() ? "" : " (" + row.units + ")");
  Html cells = element("th", {{"scope", "row"}}, name);
  cells += cell(lead_text(row.lead_hours));
  cells += rmse_cell(rmse.value,
                     std::isfinite(rmse.low) ? number_text(rmse.low) + " to " + number_text(rmse.high) : "");
  cells += rmse_cell(rmse.persistence);
  cells += rmse_cell(rmse.climatology);
  for (const char* metric : kMetrics) {
    const Score skill = row.metric(metric);
    cells += cell(fraction(skill.value), range_text(skill, "{:.3f}"));
  }
  cells += cell(fraction(acc.value), range_text(acc, "{:.3f}"));
  cells += cell(number_text(bias.value),
                std::isfinite(bias.low) ? number_text(bias.low) + " to " + number_text(bias.high) : "");
  cells += cell(grouped(rmse.initial_times));
  return element("tr", {}, cells);
}

Html score_table(const std::string& caption, const std::vector<ScoreRow>& rows) {
  Html head;
  for (const char* name : {"Variable", "Lead", "RMSE", "Persistence", "Climatology", "Skill v. persistence",
                           "Skill v. climatology", "ACC", "Bias", "Times"}) {
    head += element("th", {{"scope", "col"}}, name);
  }
  Html body;
  for (size_t i = 0; i < std::min(rows.size(), kMostRows); ++i)
    body += table_row(rows[i]);
  const std::string cut =
      rows.size() > kMostRows
          ? fmt::format(" The first {} of {} lines; scores.json has all.", kMostRows, rows.size())
          : "";
  return scrolling_table(caption, element("caption", {}, caption + cut) +
                                      element("thead", {}, element("tr", {}, head)) +
                                      element("tbody", {}, body));
}

// Scores of every other region, folded away.
Html region_tables(const RunRecord& run) {
  std::vector<std::string> regions;
  for (const Score& score : run.scores) {
    if (score.region != "global" && std::find(regions.begin(), regions.end(), score.region) == regions.end())
      regions.push_back(score.region);
  }
  if (regions.empty()) return {};
  Html tables = element("summary", {}, "Scores by region");
  for (const std::string& region : regions)
    tables += score_table("Region: " + region, score_rows(run.scores, region));
  return element("details", {}, tables);
}

}  // namespace

Html scores_section(const Report& report) {
  const RunRecord& run = report.run;
  const std::vector<ScoreRow> rows = score_rows(run.scores);
  if (rows.empty()) {
    return section("scores", "Scores",
                   {note("There is no scores.json in this run yet. Run " +
                         element("code", {}, "seqvit evaluate " + run.directory.string()) +
                         ", then make the report again.")});
  }
  return section(
      "scores", "Scores",
      {paragraph(
           fmt::format("Checkpoint of step {} on the {} period. Skill is 1 minus the ratio of the mean "
                       "squared errors of model and reference: 1 is perfect, 0 no better than the reference. "
                       "Ranges are 95 % intervals.",
                       grouped(run.scored_step), run.scored_split)),
       skill_figures(rows), score_table("Whole grid. The lowest RMSE of a line is set in bold.", rows),
       region_tables(run)});
}

}  // namespace seqvit
