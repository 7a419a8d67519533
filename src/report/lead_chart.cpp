#include "report/lead_chart.h"

#include <algorithm>
#include <cmath>

#include "report/figure.h"

namespace seqvit::report {

draw::ChartPoint point(const ScoreRow& row, const char* metric) {
  const evaluate::Score score = row.metric(metric);
  return {row.lead_hours, score.value, score.low, score.high};
}

std::vector<double> lead_ticks(const std::vector<ScoreRow>& rows) {
  constexpr size_t kMostTicks = 8;
  const size_t stride = (rows.size() + kMostTicks - 1) / kMostTicks;
  std::vector<double> ticks;
  for (size_t i = stride - 1; i < rows.size(); i += stride)
    ticks.push_back(rows[i].lead_hours);
  return ticks;
}

Html lead_chart(const std::vector<ScoreRow>& rows, const char* metric, const std::string& name,
                const std::string& id, const std::string& description) {
  draw::LineChart chart;
  chart.include_zero = true;
  chart.x_ticks = lead_ticks(rows);
  chart.text = {.id = id,
                .title = name + " of " + rows.front().variable,
                .description = description,
                .x_label = "lead time, hours",
                .y_label = name + (rows.front().units.empty() ? "" : ", " + rows.front().units)};
  draw::Series model{"model", 1, draw::Series::Mark::dotted_line, {}},
      persistence{"persistence", 2, draw::Series::Mark::dotted_line, {}},
      climatology{"climatology", 3, draw::Series::Mark::dotted_line, {}};
  for (const ScoreRow& row : rows) {
    const evaluate::Score score = row.metric(metric);
    model.points.push_back(point(row, metric));
    persistence.points.push_back({row.lead_hours, score.persistence});
    climatology.points.push_back({row.lead_hours, score.climatology});
  }
  chart.series = {model};
  for (const draw::Series& reference : {persistence, climatology}) {
    if (std::ranges::any_of(reference.points, [](const auto& p) { return std::isfinite(p.y); }))
      chart.series.push_back(reference);
  }
  return figure(draw::line_chart(chart));
}

}  // namespace seqvit::report
