#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "core/log.h"
#include "core/median.h"
#include "draw/axis.h"
#include "draw/chart.h"
#include "evaluate/score_report.h"
#include "report/curves.h"
#include "report/facts.h"
#include "report/figure.h"
#include "report/sections.h"

namespace seqvit::report {
namespace {

using Curve = std::vector<draw::ChartPoint>;

Curve curve_of(const RunRecord& run, double StepMetrics::*value, double factor = 1.0) {
  Curve curve;
  for (const StepMetrics& step : run.steps)
    curve.push_back({static_cast<double>(step.step), factor * step.*value});
  return curve;
}

// A fiftieth of the run, at least five steps.
size_t window(const RunRecord& run) {
  return std::max<size_t>(5, run.steps.size() / 50);
}

Html loss_chart(const RunRecord& run) {
  const Curve raw = curve_of(run, &StepMetrics::loss);
  Curve validation;
  for (const ValidationMetrics& v : run.validations)
    validation.push_back({static_cast<double>(v.step), v.loss});
  draw::LineChart chart;
  chart.logarithmic = true;
  chart.text = {.id = "loss",
                .title = "Loss",
                .description = fmt::format(
                    "Training loss of {} steps{}; the vertical axis is logarithmic.", run.steps.size(),
                    validation.empty() ? "" : fmt::format(" and {} validations", validation.size())),
                .x_label = "step",
                .y_label = "loss, logarithmic"};
  const std::string label = fmt::format("training (mean of {} steps; thin: each step)", window(run));
  chart.series.push_back({label, 1, draw::Series::Mark::line, thinned(smoothed(raw, window(run)))});
  if (!validation.empty())
    chart.series.push_back({"validation", 2, draw::Series::Mark::dotted_line, thinned(validation)});
  chart.backdrop = {{"", 1, draw::Series::Mark::faint_line, thinned(raw)}};
  return figure(draw::line_chart(chart));
}

Html simple_chart(const RunRecord& run, const draw::ChartText& text, const Curve& curve, bool smooth,
                  bool logarithmic = false) {
  draw::LineChart chart;
  chart.text = text;
  chart.text.x_label = "step";
  chart.logarithmic = logarithmic;
  chart.series = {
      {text.title, 1, draw::Series::Mark::line, thinned(smooth ? smoothed(curve, window(run)) : curve)}};
  if (smooth) chart.backdrop = {{"", 1, draw::Series::Mark::faint_line, thinned(curve)}};
  return figure(draw::line_chart(chart));
}

Html time_bar(const RunRecord& run) {
  const TimeSpent spent = time_spent(run);
  const double computing = spent.steps - spent.data;
  return figure(
      draw::share_bar({.id = "time",
                       .title = "Where time goes",
                       .description = "The time of all steps, cut into computing and waiting for data."},
                      {{"computing", format_duration(computing), computing},
                       {"waiting for data", format_duration(spent.data), spent.data}}));
}

std::string cost_text(const RunRecord& run) {
  std::vector<double> seconds;
  for (const StepMetrics& step : run.steps)
    seconds.push_back(step.seconds);
  return fmt::format(
      "{} steps took {}, {} s each (median); validation and saving are not counted. Memory of rank 0 "
      "peaked at {}.",
      draw::grouped(static_cast<long long>(seconds.size())), format_duration(time_spent(run).steps),
      evaluate::number_text(median(seconds)), bytes_text(peak_rss_bytes(run)));
}

Html curves(const RunRecord& run) {
  Html charts = loss_chart(run);
  charts += simple_chart(run,
                         {.id = "learning-rate",
                          .title = "Learning rate",
                          .description = "Warm-up, then decay, by step.",
                          .y_label = ""},
                         curve_of(run, &StepMetrics::learning_rate), false);
  charts += simple_chart(run,
                         {.id = "gradient",
                          .title = "Norm of the gradient",
                          .description = "Global norm of the gradient before clipping, by step; logarithmic.",
                          .y_label = "norm, logarithmic"},
                         curve_of(run, &StepMetrics::grad_norm), true, true);
  charts += simple_chart(run,
                         {.id = "speed",
                          .title = "Speed",
                          .description = "Tokens of all samples of a batch that a second of a step handled.",
                          .y_label = "tokens a second"},
                         curve_of(run, &StepMetrics::tokens_per_second), true);
  charts += simple_chart(run,
                         {.id = "memory",
                          .title = "Memory",
                          .description = "Resident memory of the process of rank 0 after each step.",
                          .y_label = "resident, MiB"},
                         curve_of(run, &StepMetrics::rss_bytes, 1.0 / 1048576.0), true);
  charts += time_bar(run);
  return element("div", {{"class", "charts"}}, charts);
}

}  // namespace

Html training_section(const Report& report) {
  const RunRecord& run = report.run;
  if (run.steps.empty())
    return section("training", "Training", {note("No step is recorded: metrics.jsonl is missing or empty.")});
  Html missing;
  if (run.validations.empty()) {
    missing = note(run.config.data.split.validation.empty()
                       ? "Nothing was validated: data.split.validation is not set."
                       : "There is no validation yet: the first comes at step " +
                             std::to_string(run.config.train.validate_every) + ".");
  }
  const std::string target = run.config.model.predict == Predict::tendency ? "tendencies" : "states";
  return section("training", "Training",
                 {paragraph(fmt::format(
                      "The loss is the area-weighted mean square of the error of normalised {}: 1 is the "
                      "variance of the training period.",
                      target)),
                  paragraph(cost_text(run)), missing, curves(run)});
}

}  // namespace seqvit::report
