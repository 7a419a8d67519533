/// Numbers that several sections of a report name, from a run's record.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "report/run_record.h"

namespace seqvit::report {

/// All metrics of one variable and lead over the whole grid.
struct ScoreRow {
  std::string variable, units;
  double lead_hours = 0;
  std::map<std::string, evaluate::Score> metrics;  ///< by name

  /// A metric, NaN throughout where it was not computed.
  evaluate::Score metric(const std::string& name) const;
};

/// Rows of `region` in the order of the file: by variable, then lead.
std::vector<ScoreRow> score_rows(const std::vector<evaluate::Score>& scores,
                                 const std::string& region = "global");

/// Rows of one variable each, in the order of `rows`, which stand by variable.
std::vector<std::vector<ScoreRow>> by_variable(const std::vector<ScoreRow>& rows);

std::optional<ValidationMetrics> best_validation(const RunRecord& run);

struct TimeSpent {
  double steps = 0, data = 0;  ///< seconds in steps; of that, waiting for data
};
TimeSpent time_spent(const RunRecord& run);

/// Largest resident memory of rank 0, 0 if not known.
double peak_rss_bytes(const RunRecord& run);

/// "1.2 GiB", "650 MiB".
std::string bytes_text(double bytes);

}  // namespace seqvit::report
