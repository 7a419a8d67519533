/// Error against tokens: what a study's runs say together, as a table, JSON and a page.
///
/// A study trains variants of one configuration that differ in their sequence (patch size, tokenisation) on
/// the same data with the same seeds, and as a control those with shorter sequences once more for as many
/// operations as the one with most.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "report/run_record.h"

namespace seqvit::report {

struct StudyVariant {
  std::string name;             ///< "patch 4", "patch 4, variable tokens"
  std::string budget;           ///< what it shares with the others: "epochs" or "operations"
  double operations = 0;        ///< of a training run, counted (3 x forward)
  std::vector<RunRecord> runs;  ///< one a seed, all scored
};

/// A number over the seeds.
struct Spread {
  double mean = 0, low = 0, high = 0;
};
Spread spread_of(const std::vector<double>& values);

/// How much less than `other` the variant `one` errs (rmse_per_step) at the same initial times, each
/// variant's mean over its seeds: with the 95 % interval of the mean over times (evaluate/bootstrap.h). NaN
/// where their times are not as many, or too few.
Spread paired_difference(const StudyVariant& one, const StudyVariant& other, const std::string& variable,
                         double lead_hours);

/// One line a variant, variable and lead: RMSE with the lowest and highest over seeds (of a single seed: the
/// 95 % interval over initial times), gain over the first variant of the same budget, rmse_per_step and how
/// far it is below the first's, paired, tokens, steps, training time, memory.
std::string study_table(const std::vector<StudyVariant>& variants);
/// {"variants": [{name, budget, tokens, steps, operations, seeds, train_seconds, peak_rss_bytes, scores:
/// [{variable, lead_hours, units, rmse, rmse_per_step, persistence}]}], "differences": [{variable,
/// lead_hours, one, other (indices of variants), mean, low, high}]}, paired_difference of any two; numbers
/// over seeds are {mean, low,
/// high}, as in the table.
nlohmann::json study_json(const std::vector<StudyVariant>& variants);
/// One HTML page: error against tokens, time and memory as figures, and the table.
std::string study_page(const std::string& title, const std::vector<StudyVariant>& variants);

}  // namespace seqvit::report
