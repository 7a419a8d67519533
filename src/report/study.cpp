#include "report/study.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <span>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/log.h"
#include "draw/axis.h"
#include "draw/chart.h"
#include "evaluate/score_report.h"
#include "report/facts.h"
#include "report/figure.h"
#include "report/page.h"
#include "report/sections.h"

namespace seqvit::report {
namespace {

Spread over_seeds(const StudyVariant& variant, const std::function<double(const RunRecord&)>& number) {
  std::vector<double> values;
  for (const RunRecord& run : variant.runs)
    values.push_back(number(run));
  return spread_of(values);
}

Spread train_seconds(const StudyVariant& v) {
  return over_seeds(v, [](const RunRecord& run) { return time_spent(run).steps; });
}
Spread memory(const StudyVariant& v) {
  return over_seeds(v, [](const RunRecord& run) { return peak_rss_bytes(run); });
}

/// A variable and lead that every run of a study has.
struct Target {
  std::string variable, units;
  double lead_hours = 0;
};

std::vector<Target> targets_of(const std::vector<StudyVariant>& variants) {
  std::vector<Target> targets;
  for (const ScoreRow& row : score_rows(variants.front().runs.front().scores))
    targets.push_back({row.variable, row.units, row.lead_hours});
  return targets;
}

/// The run's score, not a number where it has none.
evaluate::Score find_score(const RunRecord& run, const Target& target, const std::string& metric) {
  for (const ScoreRow& row : score_rows(run.scores)) {
    if (row.variable == target.variable && row.lead_hours == target.lead_hours) return row.metric(metric);
  }
  evaluate::Score none;
  none.value = none.persistence = none.low = none.high = std::numeric_limits<double>::quiet_NaN();
  return none;
}

/// Over the seeds; of a single one its own interval, over initial times.
Spread score(const StudyVariant& variant, const Target& target, const std::string& metric) {
  if (variant.runs.size() == 1) {
    const evaluate::Score only = find_score(variant.runs.front(), target, metric);
    return {only.value, only.low, only.high};
  }
  return over_seeds(variant, [&](const RunRecord& run) { return find_score(run, target, metric).value; });
}

double persistence(const StudyVariant& variant, const Target& target) {
  return find_score(variant.runs.front(), target, "rmse").persistence;
}

/// The first variant with the same budget.
const StudyVariant& first_of_budget(const std::vector<StudyVariant>& variants, const StudyVariant& v) {
  return *std::find_if(variants.begin(), variants.end(),
                       [&](const StudyVariant& other) { return other.budget == v.budget; });
}

/// Percent that the error is below that of the first variant with the same budget.
double gain(const std::vector<StudyVariant>& variants, const StudyVariant& v, const Target& target) {
  return 100.0 *
         (1.0 - score(v, target, "rmse").mean / score(first_of_budget(variants, v), target, "rmse").mean);
}

/// rmse_per_step at each initial time, its mean over the seeds.
std::vector<double> at_times(const StudyVariant& variant, const Target& target) {
  std::vector<double> sum;
  for (const RunRecord& run : variant.runs) {
    const std::vector<double> more = find_score(run, target, "rmse_per_step").at_times;
    if (sum.empty()) sum.assign(more.size(), 0.0);
    if (more.size() != sum.size()) return {};
    for (size_t i = 0; i < sum.size(); ++i)
      sum[i] += more[i] / static_cast<double>(variant.runs.size());
  }
  return sum;
}

std::string range_text(const Spread& s) {
  const std::string mean = evaluate::number_text(s.mean);
  return s.low == s.high ? mean
                         : fmt::format("{} ({} to {})", mean, evaluate::number_text(s.low),
                                       evaluate::number_text(s.high));
}

const std::vector<std::string> kColumns = {"variant", "same",  "tokens",   "steps",
                                           "RMSE",    "gain",  "per step", "less than the first",
                                           "time",    "memory"};

std::vector<std::string> cells(const std::vector<StudyVariant>& variants, const StudyVariant& v,
                               const Target& target) {
  return {v.name,
          v.budget,
          draw::grouped(v.runs.front().manifest.tokens),
          draw::grouped(v.runs.front().config.train.steps),
          range_text(score(v, target, "rmse")) + " " + target.units,
          fmt::format("{:.1f} %", gain(variants, v, target)),
          evaluate::number_text(score(v, target, "rmse_per_step").mean) + " " + target.units,
          range_text(paired_difference(v, first_of_budget(variants, v), target.variable, target.lead_hours)),
          format_duration(train_seconds(v).mean),
          bytes_text(memory(v).mean)};
}

std::string heading(const Target& target) {
  return target.variable + ", " + evaluate::lead_text(target.lead_hours);
}

nlohmann::json to_json(const Spread& s) {
  return {{"mean", s.mean}, {"low", s.low}, {"high", s.high}};
}

Html error_figure(const std::vector<StudyVariant>& variants, const Target& target, const std::string& id,
                  const std::string& x_label, const std::function<double(const StudyVariant&)>& x) {
  draw::LineChart chart;
  chart.text = {
      id, "RMSE of " + heading(target) + " against " + x_label,
      "Mean over seeds, with the lowest and highest (of one seed: the 95 % interval over initial times); one "
      "line for variants with the same budget.",
      x_label, "RMSE (" + target.units + ")"};
  for (const char* budget : {"epochs", "operations"}) {
    draw::Series series{.label = std::string("same ") + budget,
                        .colour = static_cast<int>(chart.series.size()) + 1,
                        .mark = draw::Series::Mark::dotted_line,
                        .points = {}};
    for (const StudyVariant& v : variants) {
      if (v.budget != budget) continue;
      const Spread rmse = score(v, target, "rmse");
      series.points.push_back({x(v), rmse.mean, rmse.low, rmse.high});
    }
    std::sort(series.points.begin(), series.points.end(),
              [](const auto& a, const auto& b) { return a.x < b.x; });
    if (!series.points.empty()) chart.series.push_back(series);
  }
  return figure(draw::line_chart(chart));
}

Html table(const std::vector<StudyVariant>& variants, const Target& target) {
  Html head, body;
  for (const std::string& column : kColumns)
    head += element("th", {{"scope", "col"}}, column);
  for (const StudyVariant& v : variants) {
    Html row;
    for (const std::string& cell : cells(variants, v, target))
      row += element("td", {}, cell);
    body += element("tr", {}, row);
  }
  return scrolling_table(heading(target),
                         element("thead", {}, element("tr", {}, head)) + element("tbody", {}, body));
}

}  // namespace

Spread spread_of(const std::vector<double>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return {std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size()), *low,
          *high};
}

Spread paired_difference(const StudyVariant& one, const StudyVariant& other, const std::string& variable,
                         double lead_hours) {
  const Target target{variable, "", lead_hours};
  const std::vector<double> a = at_times(one, target), b = at_times(other, target);
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  if (a.empty() || a.size() != b.size()) return {kNaN, kNaN, kNaN};
  const auto mean = [&](std::span<const float> counts) {
    double sum = 0.0, taken = 0.0;
    for (size_t i = 0; i < a.size(); ++i) {
      if (std::isnan(a[i]) || std::isnan(b[i])) continue;
      const double count = counts.empty() ? 1.0 : counts[i];
      sum += count * (b[i] - a[i]), taken += count;
    }
    return taken > 0.0 ? sum / taken : kNaN;
  };
  const int64_t block = find_score(one.runs.front(), target, "rmse_per_step").block;
  const evaluate::Bootstrap bootstrap(std::ssize(a), std::max<int64_t>(block, 1), 0);
  const evaluate::Bootstrap::Interval interval = bootstrap.interval(mean);
  return {mean({}), interval.low, interval.high};
}

std::string study_table(const std::vector<StudyVariant>& variants) {
  std::string text;
  for (const Target& target : targets_of(variants)) {
    std::vector<std::vector<std::string>> rows = {kColumns};
    for (const StudyVariant& v : variants)
      rows.push_back(cells(variants, v, target));
    std::vector<size_t> widths(kColumns.size(), 0);
    for (const auto& row : rows) {
      for (size_t i = 0; i < row.size(); ++i)
        widths[i] = std::max(widths[i], row[i].size());
    }
    text += heading(target) + "\n";
    for (const auto& row : rows) {
      text += "  ";
      for (size_t i = 0; i < row.size(); ++i)
        text += fmt::format("{:<{}}", row[i], i + 1 < row.size() ? widths[i] + 2 : 0);
      text += "\n";
    }
    text += fmt::format("  persistence {} {}\n", evaluate::number_text(persistence(variants.front(), target)),
                        target.units);
  }
  return text;
}

nlohmann::json study_json(const std::vector<StudyVariant>& variants) {
  nlohmann::json list = nlohmann::json::array();
  for (const StudyVariant& v : variants) {
    nlohmann::json scores = nlohmann::json::array(), seeds = nlohmann::json::array();
    for (const Target& target : targets_of(variants)) {
      scores.push_back({{"variable", target.variable},
                        {"lead_hours", target.lead_hours},
                        {"units", target.units},
                        {"rmse", to_json(score(v, target, "rmse"))},
                        {"rmse_per_step", to_json(score(v, target, "rmse_per_step"))},
                        {"persistence", persistence(v, target)}});
    }
    for (const RunRecord& run : v.runs)
      seeds.push_back(run.config.train.seed);
    list.push_back({{"name", v.name},
                    {"budget", v.budget},
                    {"tokens", v.runs.front().manifest.tokens},
                    {"steps", v.runs.front().config.train.steps},
                    {"operations", v.operations},
                    {"seeds", seeds},
                    {"train_seconds", to_json(train_seconds(v))},
                    {"peak_rss_bytes", to_json(memory(v))},
                    {"scores", scores}});
  }
  nlohmann::json differences = nlohmann::json::array();
  for (const Target& target : targets_of(variants)) {
    for (size_t one = 0; one < variants.size(); ++one) {
      for (size_t other = 0; other < one; ++other) {
        nlohmann::json entry =
            to_json(paired_difference(variants[one], variants[other], target.variable, target.lead_hours));
        entry.update({{"variable", target.variable},
                      {"lead_hours", target.lead_hours},
                      {"one", one},
                      {"other", other}});
        differences.push_back(std::move(entry));
      }
    }
  }
  return {{"variants", list}, {"differences", differences}};
}

std::string study_page(const std::string& title, const std::vector<StudyVariant>& variants) {
  Html sections;
  for (const Target& target : targets_of(variants)) {
    const std::string id = "t" + std::to_string(sections.str().size());
    sections += section(id, heading(target),
                        {error_figure(variants, target, id + "-tokens", "tokens",
                                      [](const StudyVariant& v) {
                                        return static_cast<double>(v.runs.front().manifest.tokens);
                                      }),
                         error_figure(variants, target, id + "-time", "training time (s)",
                                      [](const StudyVariant& v) { return train_seconds(v).mean; }),
                         error_figure(variants, target, id + "-memory", "resident memory (MiB)",
                                      [](const StudyVariant& v) { return memory(v).mean / (1 << 20); }),
                         table(variants, target)});
  }
  const Html header =
      element("header", {},
              {paragraph("seqvit study", "kicker"), element("h1", {}, title),
               paragraph("The same data, model and seeds over sequences of different length. Variants share "
                         "the number of epochs; as a control, shorter sequences train once more for as many "
                         "operations as the longest.")});
  return page("seqvit study: " + title, header + element("main", {}, sections));
}

}  // namespace seqvit::report
