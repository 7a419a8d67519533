#include "report/facts.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/core.h>

namespace seqvit::report {

evaluate::Score ScoreRow::metric(const std::string& name) const {
  const auto found = metrics.find(name);
  if (found != metrics.end()) return found->second;
  evaluate::Score none;
  none.value = none.persistence = none.climatology = none.low = none.high =
      std::numeric_limits<double>::quiet_NaN();
  return none;
}

std::vector<ScoreRow> score_rows(const std::vector<evaluate::Score>& scores, const std::string& region) {
  std::vector<ScoreRow> rows;
  for (const evaluate::Score& score : scores) {
    if (score.region != region) continue;
    if (rows.empty() || rows.back().variable != score.variable || rows.back().lead_hours != score.lead_hours)
      rows.push_back({score.variable, score.units, score.lead_hours, {}});
    rows.back().metrics[score.metric] = score;
  }
  return rows;
}

std::vector<std::vector<ScoreRow>> by_variable(const std::vector<ScoreRow>& rows) {
  std::vector<std::vector<ScoreRow>> variables;
  for (const ScoreRow& row : rows) {
    if (variables.empty() || variables.back().front().variable != row.variable) variables.emplace_back();
    variables.back().push_back(row);
  }
  return variables;
}

std::optional<ValidationMetrics> best_validation(const RunRecord& run) {
  std::optional<ValidationMetrics> best;
  for (const ValidationMetrics& v : run.validations) {
    if (std::isfinite(v.loss) && (!best || v.loss < best->loss)) best = v;
  }
  return best;
}

TimeSpent time_spent(const RunRecord& run) {
  TimeSpent spent;
  for (const StepMetrics& step : run.steps) {
    if (std::isfinite(step.seconds)) spent.steps += step.seconds;
    if (std::isfinite(step.data_seconds)) spent.data += step.data_seconds;
  }
  return spent;
}

double peak_rss_bytes(const RunRecord& run) {
  double peak = 0;
  for (const StepMetrics& step : run.steps)
    if (step.rss_bytes > peak) peak = step.rss_bytes;
  return peak;
}

std::string bytes_text(double bytes) {
  const double mebibytes = bytes / 1048576.0;
  return mebibytes >= 1024 ? fmt::format("{:.2f} GiB", mebibytes / 1024)
                           : fmt::format("{:.0f} MiB", mebibytes);
}

}  // namespace seqvit::report
