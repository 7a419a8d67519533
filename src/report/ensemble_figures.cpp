#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "draw/chart.h"
#include "evaluate/score_report.h"
#include "report/facts.h"
#include "report/figure.h"
#include "report/lead_chart.h"
#include "report/sections.h"

namespace seqvit::report {
namespace {

// Ranks of the truth among the members of one variable, at the shortest and the longest lead time.
Html rank_chart(const std::vector<const evaluate::RankHistogram*>& leads, const std::string& id) {
  draw::LineChart chart;
  chart.include_zero = true;
  chart.text = {
      .id = id,
      .title = "Ranks of the truth, " + leads.front()->variable,
      .description =
          "How often the truth has each rank among the members, over how often it would if nothing told it "
          "from them: 1 everywhere is reliable, high ends are too little spread.",
      .x_label = "members below the truth",
      .y_label = "frequency (1 is reliable)"};
  const auto add = [&chart](const evaluate::RankHistogram& of, int colour) {
    draw::Series series{evaluate::lead_text(of.lead_hours), colour, draw::Series::Mark::dotted_line, {}};
    for (size_t rank = 0; rank < of.frequency.size(); ++rank)
      series.points.push_back(
          {static_cast<double>(rank), of.frequency[rank] * static_cast<double>(of.frequency.size())});
    chart.series.push_back(std::move(series));
  };
  add(*leads.front(), 1);
  if (leads.size() > 1) add(*leads.back(), 2);
  return figure(draw::line_chart(chart));
}

Html table(const RunRecord& run, const std::vector<ScoreRow>& rows) {
  Html head;
  for (const char* column : {"Variable", "Lead", "CRPS", "CRPS of persistence", "CRPS of climatology",
                             "Spread / error", "of persistence", "of climatology", "Outliers"})
    head += element("th", {{"scope", "col"}}, column);
  Html body;
  const auto cell = [](double value) { return element("td", {}, Html(evaluate::number_text(value))); };
  for (size_t i = 0; i < std::min(rows.size(), kMostRows); ++i) {
    const evaluate::Score crps = rows[i].metric("crps"), ratio = rows[i].metric("spread_skill");
    const auto found = std::ranges::find_if(run.rank_histograms, [&](const evaluate::RankHistogram& h) {
      return h.variable == rows[i].variable && h.lead_hours == rows[i].lead_hours;
    });
    Html cells =
        element("th", {{"scope", "row"}}, Html(rows[i].variable) + element("small", {}, rows[i].units));
    cells += element("td", {}, Html(evaluate::lead_text(rows[i].lead_hours)));
    for (const double value :
         {crps.value, crps.persistence, crps.climatology, ratio.value, ratio.persistence, ratio.climatology})
      cells += cell(value);
    cells += cell(found == run.rank_histograms.end() ? NAN : found->outliers());
    body += element("tr", {}, cells);
  }
  return scrolling_table("Scores of the ensemble",
                         element("thead", {}, element("tr", {}, head)) + element("tbody", {}, body));
}

}  // namespace

Html ensemble_figures(const RunRecord& run) {
  if (run.rank_histograms.empty()) return {};
  const std::vector<ScoreRow> rows = score_rows(run.scores);
  const std::vector<std::vector<ScoreRow>> variables = by_variable(rows);
  Html charts;
  for (size_t i = 0; i < std::min(variables.size(), kMostPanels); ++i) {
    std::vector<const evaluate::RankHistogram*> leads;
    for (const evaluate::RankHistogram& histogram : run.rank_histograms) {
      if (histogram.variable == variables[i].front().variable) leads.push_back(&histogram);
    }
    if (variables[i].size() > 1) {
      charts += lead_chart(
          variables[i], "crps", "CRPS", fmt::format("crps-{}", i),
          "Continuous ranked probability score by lead time of the ensemble, with 95 % intervals, and of "
          "ensembles of persistence and climatology. The table below has the numbers.");
    }
    if (!leads.empty()) charts += rank_chart(leads, fmt::format("ranks-{}", i));
  }
  return element("h3", {}, "Ensemble") +
         paragraph(
             fmt::format("{} members. CRPS is the fair one; spread / error is 1 where the ensemble is "
                         "as sure of itself as it may "
                         "be, and below 1 where it is too sure; outliers say how often the truth lies "
                         "outside of all members, "
                         "1 being as often as it should. Persistence and climatology are ensembles "
                         "too, made of states of the same season. "
                         "All other scores on this page are those of the mean of members, but spectra, which "
                         "are those of one: a mean is smooth.",
                         run.rank_histograms.front().members)) +
         element("div", {{"class", "charts"}}, charts) + table(run, rows);
}

}  // namespace seqvit::report
