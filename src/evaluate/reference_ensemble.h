/// Ensembles that cost nothing, to hold a model's against: what the season holds.
///
/// For a forecast valid at t, the data have states of other years or days: those at the same time of day
/// within 15 days of t's day of the year (monthly data: of the same month), 5 days or more away from t, as
/// many as the model has members, evenly spread over those there are.
///
///   climatology   these states
///   persistence   the initial state plus the change that led to each of these states over the same lead
///                 time: an initial state alone has no spread, and its CRPS would be its mean absolute error
///
/// They are taken from the training period. Where that holds fewer than the model has members for some time
/// to be scored (one year of data, cut in three), they are taken for all times from all of the data that are
/// scored: states that nobody could have known then, which flatters these references, not the model; it is
/// said.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "core/partition.h"
#include "data/dataset.h"

namespace seqvit::evaluate {

/// Two times one lead time apart, as time indices.
struct TimePair {
  int64_t origin = 0, valid = 0;
};

class SeasonalPairs {
 public:
  /// Of those times of `dataset` that lie in `period`. `lead`: how far they are apart; `monthly`: by months,
  /// not days.
  SeasonalPairs(const data::Dataset& dataset, Range period, const data::LeadTime& lead, bool monthly);

  /// At most `most` pairs that suit a forecast valid at `time`, all `away` seconds or more from it.
  std::vector<TimePair> at(data::TimeStamp time, int64_t most, int64_t away = 0) const;

 private:
  struct Place {
    int64_t day, second;  // of the year (or month), of the day
    auto operator<=>(const Place&) const = default;
  };
  struct Candidate {
    data::TimeStamp time;  // of the later one
    TimePair pair;
  };
  data::Calendar calendar_;
  bool monthly_;
  std::map<Place, std::vector<Candidate>> candidates_;

  Place place_of(data::TimeStamp time) const;
};

/// Where the references of one lead time come from.
class ReferenceEnsemble {
 public:
  /// `training`: times of `climatology`; `scored`: the data that are scored; `times`: those that it is scored
  /// at. References outlive this.
  ReferenceEnsemble(const data::Dataset& climatology, Range training, const data::Dataset& scored,
                    const data::LeadTime& lead, std::span<const data::TimeStamp> times, int64_t members);

  /// Whether pairs are taken from the data that are scored.
  bool in_sample() const { return in_sample_; }
  /// Members [M][Y, X] of a variable on `rows`: climatology's, and persistence's from `initial` [Y, X]. Fewer
  /// than 2: there is none.
  struct Members {
    std::vector<std::vector<float>> persistence, climatology;
  };
  Members members(int64_t variable, data::TimeStamp time, Range rows, std::span<const float> initial) const;

 private:
  const data::Dataset* dataset_;
  int64_t members_;
  bool in_sample_ = false;
  SeasonalPairs pairs_;

  std::vector<TimePair> pairs_at(data::TimeStamp time) const;
};

}  // namespace seqvit::evaluate
