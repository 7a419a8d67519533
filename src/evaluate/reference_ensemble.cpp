#include "evaluate/reference_ensemble.h"

#include <algorithm>
#include <cstdlib>

namespace seqvit::evaluate {
namespace {

constexpr int64_t kSecondsPerDay = 86400, kDaysOnEitherSide = 15, kDaysAway = 5;

int64_t modulo(int64_t a, int64_t n) {
  return (a % n + n) % n;
}

}  // namespace

SeasonalPairs::SeasonalPairs(const data::Dataset& dataset, Range period, const data::LeadTime& lead,
                             bool monthly)
    : calendar_(dataset.calendar()), monthly_(monthly) {
  for (int64_t origin = period.begin; origin < period.end; ++origin) {
    const data::TimeStamp time = lead.after(dataset.times()[origin], calendar_);
    const int64_t valid = dataset.time_index(time);
    if (period.contains(valid)) candidates_[place_of(time)].push_back({time, {origin, valid}});
  }
}

/// Days and months count from 0.
SeasonalPairs::Place SeasonalPairs::place_of(data::TimeStamp time) const {
  if (monthly_) return {data::to_date_time(time, calendar_).month - 1, 0};
  return {data::day_of_year(time, calendar_) - 1, modulo(time, kSecondsPerDay)};
}

std::vector<TimePair> SeasonalPairs::at(data::TimeStamp time, int64_t most, int64_t away) const {
  const auto [day, second] = place_of(time);
  const int64_t cycle = monthly_ ? 12 : 366, window = monthly_ ? 0 : kDaysOnEitherSide;
  std::vector<TimePair> suit;
  for (int64_t shift = -window; shift <= window; ++shift) {
    const auto found = candidates_.find({modulo(day + shift, cycle), second});
    if (found == candidates_.end()) continue;
    for (const Candidate& candidate : found->second) {
      if (std::abs(candidate.time - time) >= away) suit.push_back(candidate.pair);
    }
  }
  std::ranges::sort(suit, {}, &TimePair::valid);
  const int64_t found = std::ssize(suit);
  if (found <= most) return suit;
  std::vector<TimePair> spread;
  for (int64_t i = 0; i < most; ++i)
    spread.push_back(suit[(2 * i + 1) * found / (2 * most)]);
  return spread;
}

ReferenceEnsemble::ReferenceEnsemble(const data::Dataset& climatology, Range training,
                                     const data::Dataset& scored, const data::LeadTime& lead,
                                     std::span<const data::TimeStamp> times, int64_t members)
    : dataset_(&climatology), members_(members), pairs_(climatology, training, lead, lead.months > 0) {
  const auto lacks = [&](data::TimeStamp time) { return std::ssize(pairs_at(time)) < members; };
  if (std::none_of(times.begin(), times.end(), lacks)) return;
  in_sample_ = true;
  dataset_ = &scored;
  pairs_ = SeasonalPairs(scored, {0, std::ssize(scored.times())}, lead, lead.months > 0);
}

std::vector<TimePair> ReferenceEnsemble::pairs_at(data::TimeStamp time) const {
  return pairs_.at(time, members_, kDaysAway * kSecondsPerDay);
}

ReferenceEnsemble::Members ReferenceEnsemble::members(int64_t variable, data::TimeStamp time, Range rows,
                                                      std::span<const float> initial) const {
  Members all;
  std::vector<float> before(initial.size());
  for (const TimePair& pair : pairs_at(time)) {
    std::vector<float>& state = all.climatology.emplace_back(initial.size());
    dataset_->read(variable, pair.valid, rows, state);
    dataset_->read(variable, pair.origin, rows, before);
    std::vector<float>& changed = all.persistence.emplace_back(initial.size());
    for (size_t i = 0; i < initial.size(); ++i)
      changed[i] = initial[i] + (state[i] - before[i]);
  }
  return all;
}

}  // namespace seqvit::evaluate
