/// Charts of scores over lead time.
#pragma once

#include <string>
#include <vector>

#include "draw/chart.h"
#include "report/facts.h"
#include "report/html.h"

namespace seqvit::report {

/// What a page shows at most: variables as figures, lines of a table.
inline constexpr size_t kMostPanels = 12, kMostRows = 200;

draw::ChartPoint point(const ScoreRow& row, const char* metric);

/// Lead times to label the axis with: all of them, or every n-th.
std::vector<double> lead_ticks(const std::vector<ScoreRow>& rows);

/// `metric` of one variable's rows with its intervals, beside persistence and climatology where they have
/// some. `name` stands in title and axis.
Html lead_chart(const std::vector<ScoreRow>& rows, const char* metric, const std::string& name,
                const std::string& id, const std::string& description);

}  // namespace seqvit::report
