#include "data/samples.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/random.h"

namespace seqvit::data {
namespace {

/// For each time of the period the index of the only time of its month, keyed by the month; -1 where there
/// are several.
std::map<int64_t, int64_t> single_times(const std::vector<TimeStamp>& times, Calendar calendar,
                                        Range period) {
  std::map<int64_t, int64_t> months;
  for (int64_t i = period.begin; i < period.end; ++i) {
    const auto [place, added] = months.emplace(month_of(times[i], calendar), i);
    if (!added) place->second = -1;
  }
  return months;
}

}  // namespace

std::vector<Sample> make_samples(const std::vector<TimeStamp>& times, Calendar calendar, Range period,
                                 const LeadTime& lead) {
  std::vector<Sample> samples;
  const auto begin = times.begin() + period.begin, end = times.begin() + period.end;
  std::map<int64_t, int64_t> months;
  if (lead.months > 0 && lead.seconds == 0) months = single_times(times, calendar, period);
  auto target = begin;
  for (int64_t i = period.begin; i < period.end; ++i) {
    if (!months.empty()) {
      // Monthly fields stand at the 15th, the 16th or the middle of the month: the month counts, not the day.
      const int64_t month = month_of(times[i], calendar);
      const auto found = months.find(month + lead.months);
      if (months.at(month) >= 0 && found != months.end() && found->second >= 0) {
        samples.push_back({i, found->second});
        continue;
      }
    }
    target = std::lower_bound(target, end, lead.after(times[i], calendar));
    if (target != end && *target == lead.after(times[i], calendar))
      samples.push_back({i, target - times.begin()});
  }
  return samples;
}

std::vector<TrainingSample> make_training_samples(const std::vector<TimeStamp>& times, Calendar calendar,
                                                  Range period, const std::vector<LeadTime>& leads,
                                                  int64_t steps, int64_t history) {
  std::vector<TrainingSample> samples;
  for (size_t lead = 0; lead < leads.size(); ++lead) {
    std::map<int64_t, int64_t> next, previous;
    for (const Sample& pair : make_samples(times, calendar, period, leads[lead]))
      next.emplace(pair.input, pair.target), previous.emplace(pair.target, pair.input);
    for (const auto& [input, first] : next) {
      TrainingSample sample{input, {first}, static_cast<int64_t>(lead)};
      while (std::ssize(sample.targets) < steps && next.contains(sample.targets.back()))
        sample.targets.push_back(next.at(sample.targets.back()));
      for (int64_t at = input; std::ssize(sample.earlier) < history - 1 && previous.contains(at);)
        sample.earlier.push_back(at = previous.at(at));
      if (std::ssize(sample.targets) == steps && std::ssize(sample.earlier) == history - 1)
        samples.push_back(std::move(sample));
    }
  }
  return samples;
}

int64_t shuffled_sample(uint64_t seed, int64_t index, int64_t count) {
  check(count > 0 && index >= 0, "a shuffled sequence needs samples");
  const auto epoch = static_cast<uint64_t>(index / count);
  return permuted(mix(random_key(seed, "samples"), epoch), index % count, count);
}

int64_t random_roll(uint64_t seed, int64_t index, int64_t columns) {
  return static_cast<int64_t>(uniform(random_key(seed, "roll"), static_cast<uint64_t>(index)) *
                              static_cast<double>(columns));
}

}  // namespace seqvit::data
