/// Stretches of time that the data is split into: what the configuration names, as indices of times.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/data_config.h"
#include "core/partition.h"
#include "data/calendar.h"

namespace seqvit::data {

/// What the bounds of a period were taken for.
enum class BoundKind { dates, years, indices };

struct Period {
  Range times;  ///< time indices
  BoundKind kind = BoundKind::dates;
};

/// The times that `period` names. Bounds are years ("1990"), months ("1990-06"), dates or times, of which the
/// last is included; or time indices, of which the last is excluded. Two whole numbers are years where both
/// have four digits and lie within a century of the data, else indices (`{index: [first, last]}` is always).
/// Throws Error(usage), naming `setting`, when the period is empty, reversed or names times that the data
/// does not reach.
Period resolve_period(const PeriodConfig& period, const std::vector<TimeStamp>& times, Calendar calendar,
                      const std::string& setting);

/// "2014-01-01T00 to 2014-01-31T18": the first and the last time of a period that is not empty, for messages.
std::string period_text(const std::vector<TimeStamp>& times, Calendar calendar, Range period);

/// What becomes of the times of a period: a sample is a pair of times one lead apart.
struct PairCount {
  int64_t samples = 0;
  int64_t ends = 0;  ///< times whose target would lie behind the period
  int64_t gaps = 0;  ///< times whose target is missing inside it
};
PairCount count_pairs(const std::vector<TimeStamp>& times, Calendar calendar, Range period,
                      const LeadTime& lead);

/// A line for people: "1990-01-01T00:00:00 to 2009-12-31T18:00:00 (years): 29220 times, 29219 samples of 6h,
/// 1 lost at the end, 0 to gaps".
std::string describe_period(const Period& period, const std::vector<TimeStamp>& times, Calendar calendar,
                            const LeadTime& lead);

}  // namespace seqvit::data
