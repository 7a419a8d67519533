#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "draw/axis.h"
#include "draw/chart.h"
#include "evaluate/score_report.h"
#include "report/facts.h"
#include "report/figure.h"
#include "report/lead_chart.h"
#include "report/sections.h"

namespace seqvit::report {
namespace {

constexpr const char* kReferences[] = {"against persistence", "against climatology"};
constexpr const char* kMetrics[] = {"skill_persistence", "skill_climatology"};

// "0.900", "103", "2.76e-04".
std::string three_digits(double value) {
  std::string text = fmt::format("{:#.3g}", value);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

// The 95 % interval, "" where there is none.
std::string interval_text(const evaluate::Score& score) {
  if (!std::isfinite(score.low) || !std::isfinite(score.high)) return "";
  return three_digits(score.low) + " to " + three_digits(score.high);
}

// Skill of one variable over lead time.
Html skill_chart(const std::vector<ScoreRow>& rows, const std::string& id) {
  draw::LineChart chart;
  chart.include_zero = true;
  chart.x_ticks = lead_ticks(rows);
  chart.text = {.id = id,
                .title = "Skill for " + rows.front().variable,
                .description =
                    "Skill by lead time against persistence and climatology, with 95 % intervals. "
                    "The table below has the numbers.",
                .x_label = "lead time, hours",
                .y_label = "skill (1 is perfect)"};
  for (int reference = 0; reference < 2; ++reference) {
    draw::Series series{kReferences[reference], reference + 1, draw::Series::Mark::dotted_line, {}};
    for (const ScoreRow& row : rows)
      series.points.push_back(point(row, kMetrics[reference]));
    chart.series.push_back(std::move(series));
  }
  return figure(draw::line_chart(chart));
}

// Metrics of all variables at the one lead there is.
Html variable_chart(const std::vector<ScoreRow>& rows, draw::DotChart chart,
                    const std::vector<const char*>& metrics) {
  for (const ScoreRow& row : rows) {
    if (chart.rows.size() == kMostPanels) break;
    draw::DotChart::Row line{row.variable, {}};
    for (const char* metric : metrics)
      line.values.push_back(point(row, metric));
    chart.rows.push_back(std::move(line));
  }
  return figure(draw::dot_chart(chart));
}

Html one_lead_charts(const std::vector<ScoreRow>& rows) {
  const std::string lead = evaluate::lead_text(rows.front().lead_hours) + " ahead";
  draw::DotChart skill;
  skill.include_zero = true;
  skill.series = {kReferences[0], kReferences[1]};
  skill.text = {.id = "skill",
                .title = "Skill " + lead,
                .description =
                    "Skill of each variable against persistence and climatology, with 95 % intervals. "
                    "The table below has the numbers.",
                .x_label = "0: no better than the reference, 1: perfect"};
  draw::DotChart acc;
  acc.series = {"ACC"};
  acc.text = {.id = "acc",
              .title = "Anomaly correlation (ACC) " + lead,
              .description =
                  "Correlation of forecast and true anomalies from climatology, of each variable, with "
                  "95 % intervals. The table below has the numbers.",
              .x_label = "1: perfect"};
  return variable_chart(rows, skill, {kMetrics[0], kMetrics[1]}) + variable_chart(rows, acc, {"acc"});
}

Html skill_figures(const std::vector<ScoreRow>& rows) {
  const std::vector<std::vector<ScoreRow>> variables = by_variable(rows);
  size_t leads = 0;
  for (const std::vector<ScoreRow>& of_variable : variables)
    leads = std::max(leads, of_variable.size());
  Html figures;
  if (leads == 1) figures = one_lead_charts(rows);
  for (size_t i = 0; leads > 1 && i < std::min(variables.size(), kMostPanels); ++i) {
    figures += skill_chart(variables[i], fmt::format("skill-{}", i));
    figures += lead_chart(variables[i], "rmse", "RMSE", fmt::format("rmse-{}", i),
                          "Root mean square error by lead time of the model, with 95 % intervals, of "
                          "persistence and of climatology. The table below has the numbers.");
  }
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
  const evaluate::Score rmse = row.metric("rmse"), bias = row.metric("bias"), acc = row.metric("acc");
  const double lowest = std::fmin(rmse.value, std::fmin(rmse.persistence, rmse.climatology));
  const auto rmse_cell = [&](double value, const std::string& below) {
    return cell(evaluate::number_text(value), below, value == lowest);
  };
  Html cells = element("th", {{"scope", "row"}}, Html(row.variable) + element("small", {}, row.units));
  cells += cell(evaluate::lead_text(row.lead_hours), draw::grouped(rmse.initial_times) + " times");
  cells += rmse_cell(rmse.value, interval_text(rmse));
  cells += rmse_cell(rmse.persistence, "");
  cells += rmse_cell(rmse.climatology, "");
  for (const char* metric : kMetrics)
    cells += cell(fraction(row.metric(metric).value), interval_text(row.metric(metric)));
  cells += cell(fraction(acc.value), interval_text(acc));
  cells += cell(evaluate::number_text(bias.value), interval_text(bias));
  return element("tr", {}, cells);
}

Html score_table(const std::string& name, const std::vector<ScoreRow>& rows) {
  Html head;
  for (const char* column : {"Variable", "Lead", "RMSE", "RMSE of persistence", "RMSE of climatology",
                             "Skill against persistence", "Skill against climatology", "ACC", "Bias"}) {
    head += element("th", {{"scope", "col"}}, column);
  }
  Html body;
  for (size_t i = 0; i < std::min(rows.size(), kMostRows); ++i)
    body += table_row(rows[i]);
  const Html table =
      scrolling_table(name, element("thead", {}, element("tr", {}, head)) + element("tbody", {}, body));
  if (rows.size() <= kMostRows) return table;
  return table +
         paragraph(fmt::format("The first {} of {} lines; scores.json has all.", kMostRows, rows.size()),
                   "soft");
}

// Scores of every other region, folded away.
Html region_tables(const RunRecord& run) {
  std::vector<std::string> regions;
  for (const evaluate::Score& score : run.scores) {
    if (score.region != "global" && std::find(regions.begin(), regions.end(), score.region) == regions.end())
      regions.push_back(score.region);
  }
  if (regions.empty()) return {};
  Html tables = element("summary", {}, "Scores by region");
  for (const std::string& region : regions)
    tables +=
        element("h3", {}, region) + score_table("Scores of region " + region, score_rows(run.scores, region));
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
                       draw::grouped(run.scored_step), run.scored_split)),
       skill_figures(rows), spectra_figures(run.spectra), ensemble_figures(run),
       element("h3", {}, "Whole grid"), paragraph("The lowest RMSE of a line is set in bold.", "soft"),
       score_table("Scores of the whole grid", rows), region_tables(run)});
}

}  // namespace seqvit::report
