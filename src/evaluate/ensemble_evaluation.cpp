#include "evaluate/ensemble_evaluation.h"

#include <algorithm>
#include <utility>

#include "core/log.h"

namespace seqvit::evaluate {

EnsembleEvaluation::EnsembleEvaluation(const data::Dataset& dataset, const ReferenceSource& source,
                                       const RolloutPlan& plan, std::vector<int64_t> variables,
                                       const std::vector<Region>& regions, int64_t members)
    : dataset_(dataset),
      variables_(std::move(variables)),
      sums_(dataset.grid(), regions, members),
      series_(plan.leads.size() * variables_.size() * regions.size()) {
  for (const LeadPlan& lead : plan.leads) {
    std::vector<data::TimeStamp> times;
    for (const int64_t target : lead.targets) {
      if (target >= 0) times.push_back(dataset.times()[target]);
    }
    references_.emplace_back(source.climatology, source.training, dataset, lead.lead, times, members);
  }
  if (std::any_of(references_.begin(), references_.end(),
                  [](const ReferenceEnsemble& reference) { return reference.in_sample(); })) {
    log_info(
        "ensembles of climatology and persistence: training data hold too few states of some season that is "
        "scored; they are taken from all of the data, 5 days or more away, which flatters them");
  }
}

size_t EnsembleEvaluation::series_index(int64_t lead, int64_t variable, int64_t region) const {
  return (lead * variables_.size() + variable) * sums_.regions().size() + region;
}

void EnsembleEvaluation::add(int64_t lead, int64_t variable, int64_t target, EnsembleField field, Range rows,
                             std::span<double> message) const {
  auto [persistence, climatology] =
      references_[lead].members(variables_[variable], dataset_.times()[target], rows, field.initial);
  field.members[kPersistenceEnsemble] = std::move(persistence);
  field.members[kClimatologyEnsemble] = std::move(climatology);
  sums_.add(field, rows, message);
}

void EnsembleEvaluation::keep(int64_t lead, int64_t variable, std::span<const double> message) {
  for (int64_t region = 0; region < std::ssize(sums_.regions()); ++region)
    series_[series_index(lead, variable, region)].push_back(sums_.total(message, region));
}

void EnsembleEvaluation::append_scores(const Score& label, int64_t lead, int64_t variable, int64_t region,
                                       const Bootstrap& bootstrap, std::vector<Score>& scores) const {
  const auto more = compute_ensemble_scores(label, series_[series_index(lead, variable, region)], bootstrap);
  scores.insert(scores.end(), more.begin(), more.end());
}

RankHistogram EnsembleEvaluation::histogram(const Score& label, int64_t lead, int64_t variable) const {
  return compute_rank_histogram(label, series_[series_index(lead, variable, 0)]);
}

}  // namespace seqvit::evaluate
