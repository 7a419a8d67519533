/// Pairs of times to learn from or to be scored on, and the order in which training visits them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/partition.h"
#include "data/calendar.h"

namespace seqvit::data {

/// Time indices of a data set: predict `target` from `input`.
struct Sample {
  int64_t input = 0, target = 0;
  friend bool operator==(const Sample&, const Sample&) = default;
};

/// What training makes of one input: its fields after one, two, ... steps of one lead time.
struct TrainingSample {
  int64_t input = 0;                  ///< time index
  std::vector<int64_t> targets;       ///< time indices, one a step
  int64_t lead = 0;                   ///< which of the lead times
  std::vector<int64_t> earlier = {};  ///< time indices one, two, ... lead times before the input
  int64_t roll = 0;  ///< columns that all fields are rolled by, of a grid that spans the globe
  friend bool operator==(const TrainingSample&, const TrainingSample&) = default;
};

/// Every pair inside `period` whose target lies exactly `lead` after its input (the same month distance for
/// monthly data); pairs across a gap do not exist.
std::vector<Sample> make_samples(const std::vector<TimeStamp>& times, Calendar calendar, Range period,
                                 const LeadTime& lead);

/// Every series of `history` - 1 times before an input and `steps` after it, steps of one of `leads`, inside
/// `period`; those of the first lead come first.
std::vector<TrainingSample> make_training_samples(const std::vector<TimeStamp>& times, Calendar calendar,
                                                  Range period, const std::vector<LeadTime>& leads,
                                                  int64_t steps, int64_t history = 1);

/// Position `index` of an endless, epoch-wise shuffled sequence over `count` samples: the same for every
/// mesh, any position in constant time and memory (a keyed bijection, no stored permutation), so a resumed
/// run needs no state.
int64_t shuffled_sample(uint64_t seed, int64_t index, int64_t count);

/// By how many of `columns` position `index` of that sequence is rolled: uniform, the same for every mesh.
int64_t random_roll(uint64_t seed, int64_t index, int64_t columns);

}  // namespace seqvit::data
