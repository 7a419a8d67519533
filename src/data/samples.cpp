#include "data/samples.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "core/error.h"
#include "core/random.h"

namespace seqvit::data {
namespace {

std::optional<int64_t> parse_index(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Range resolve_indices(int64_t first, int64_t last, int64_t count, const std::string& setting) {
  if (first < 0 || last > count) {
    fail(Exit::usage, "{}: expected time indices from 0 to {}, found [{}, {}]; name a part of the data",
         setting, count, first, last);
  }
  if (first >= last) {
    fail(Exit::usage, "{}: expected a first index before the last, which is excluded, found [{}, {}]",
         setting, first, last);
  }
  return {first, last};
}

TimeStamp parse_bound(const std::string& text, Calendar calendar, const std::string& setting,
                      bool* whole_day) {
  try {
    return parse_time(text, calendar, whole_day);
  } catch (const Error& error) {
    fail(Exit::usage, "{}: {}", setting, error.what());
  }
}

}  // namespace

Range resolve_split(const std::vector<std::string>& bounds, const std::vector<TimeStamp>& times,
                    Calendar calendar, const std::string& setting) {
  check(!times.empty(), "a split needs times");
  if (bounds.size() != 2) {
    fail(Exit::usage, "{}: expected [first, last], two dates or two time indices, found {} values", setting,
         bounds.size());
  }
  const std::optional<int64_t> first_index = parse_index(bounds[0]), last_index = parse_index(bounds[1]);
  const auto count = static_cast<int64_t>(times.size());
  if (first_index && last_index) return resolve_indices(*first_index, *last_index, count, setting);
  if (first_index || last_index) {
    fail(Exit::usage, "{}: expected two dates or two time indices, found one of each: [{}, {}]", setting,
         bounds[0], bounds[1]);
  }
  bool whole_day = false;
  const TimeStamp first = parse_bound(bounds[0], calendar, setting, nullptr);
  TimeStamp last = parse_bound(bounds[1], calendar, setting, &whole_day);
  if (whole_day) last += 86399;
  if (last < first)
    fail(Exit::usage, "{}: expected a first date before the last, found [{}, {}]", setting, bounds[0],
         bounds[1]);

  // A period may begin before the first field or end after the last by less than a step (monthly fields stand
  // in the middle of the month) or a day; beyond that it names data that is not there.
  const TimeStamp step = count > 1 ? std::max(times[1] - times[0], times[count - 1] - times[count - 2]) : 0;
  const TimeStamp slack = std::max<TimeStamp>(step, 86400);
  const Range range{std::lower_bound(times.begin(), times.end(), first) - times.begin(),
                    std::upper_bound(times.begin(), times.end(), last) - times.begin()};
  if (first <= times.front() - slack || last >= times.back() + slack || range.size() <= 0) {
    fail(Exit::usage, "{}: expected dates within the data, {} to {}, found [{}, {}]; name a part of the data",
         setting, format_time(times.front(), calendar), format_time(times.back(), calendar), bounds[0],
         bounds[1]);
  }
  return range;
}

std::string period_text(const std::vector<TimeStamp>& times, Calendar calendar, Range period) {
  return fmt::format("{} to {}", format_time(times[period.begin], calendar),
                     format_time(times[period.end - 1], calendar));
}

namespace {

/// For each time of the period the index of the only time of its month, keyed by the month; -1 where there
/// are several.
std::map<int64_t, int64_t> single_times(const std::vector<TimeStamp>& times, Calendar calendar,
                                        Range period) {
  std::map<int64_t, int64_t> months;
  for (int64_t i = period.begin; i < period.end; ++i) {
    const DateTime date = to_date_time(times[i], calendar);
    const auto [place, added] = months.emplace(date.year * 12 + date.month, i);
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
      const DateTime date = to_date_time(times[i], calendar);
      const int64_t month = date.year * 12 + date.month;
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
                                                  int64_t steps) {
  std::vector<TrainingSample> samples;
  for (size_t lead = 0; lead < leads.size(); ++lead) {
    std::map<int64_t, int64_t> next;
    for (const Sample& pair : make_samples(times, calendar, period, leads[lead]))
      next.emplace(pair.input, pair.target);
    for (const auto& [input, first] : next) {
      TrainingSample sample{input, {first}, static_cast<int64_t>(lead)};
      while (std::ssize(sample.targets) < steps && next.contains(sample.targets.back()))
        sample.targets.push_back(next.at(sample.targets.back()));
      if (std::ssize(sample.targets) == steps) samples.push_back(std::move(sample));
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
