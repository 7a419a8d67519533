#include "data/period.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/error.h"
#include "data/samples.h"

namespace seqvit::data {
namespace {

std::optional<int64_t> parse_integer(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Whether a whole number says a year rather than an index: it has four digits, and lies within a century of
/// the data.
bool may_be_year(int64_t value, const std::vector<TimeStamp>& times, Calendar calendar) {
  constexpr int64_t kCentury = 100, kFirst = 1000;  // simulations begin in year 1, and have indices like that
  return value >= std::max(kFirst, to_date_time(times.front(), calendar).year - kCentury) &&
         value <= to_date_time(times.back(), calendar).year + kCentury;
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

TimeSpan parse_bound(const std::string& text, Calendar calendar, const std::string& setting) {
  try {
    return parse_span(text, calendar);
  } catch (const Error& error) {
    fail(Exit::usage, "{}: {}", setting, error.what());
  }
}

Range resolve_dates(const std::vector<std::string>& bounds, const std::vector<TimeStamp>& times,
                    Calendar calendar, const std::string& setting) {
  const TimeSpan first = parse_bound(bounds[0], calendar, setting),
                 last = parse_bound(bounds[1], calendar, setting);
  if (last.last < first.first) {
    fail(Exit::usage, "{}: expected a first date before the last, found [{}, {}]", setting, bounds[0],
         bounds[1]);
  }
  // A period may begin before the first field or end after the last by less than a step (monthly fields stand
  // in the middle of the month) or a day, or where its year or month does; beyond that it names data that is
  // not there.
  const auto count = static_cast<int64_t>(times.size());
  const TimeStamp step = count > 1 ? std::max(times[1] - times[0], times[count - 1] - times[count - 2]) : 0;
  const TimeStamp slack = std::max<TimeStamp>(step, 86400);
  const Range range{std::lower_bound(times.begin(), times.end(), first.first) - times.begin(),
                    std::upper_bound(times.begin(), times.end(), last.last) - times.begin()};
  const bool reached = std::max(first.first, first.last - slack) > times.front() - slack &&
                       std::min(last.last, last.first + slack) < times.back() + slack;
  if (!reached || range.size() <= 0) {
    fail(Exit::usage, "{}: expected dates within the data, {} to {}, found [{}, {}]; name a part of the data",
         setting, format_time(times.front(), calendar), format_time(times.back(), calendar), bounds[0],
         bounds[1]);
  }
  return range;
}

}  // namespace

Period resolve_period(const PeriodConfig& period, const std::vector<TimeStamp>& times, Calendar calendar,
                      const std::string& setting) {
  check(!times.empty(), "a period needs times");
  const std::vector<std::string>& bounds = period.bounds;
  if (bounds.size() != 2) {
    fail(Exit::usage, "{}: expected [first, last], two dates or two time indices, found {} values", setting,
         bounds.size());
  }
  const std::optional<int64_t> first = parse_integer(bounds[0]), last = parse_integer(bounds[1]);
  const auto year = [&](std::optional<int64_t> value) {
    return value && may_be_year(*value, times, calendar);
  };
  if (period.index && !(first && last)) {
    fail(Exit::usage, "{}: expected whole numbers after 'index', found [{}, {}]", setting, bounds[0],
         bounds[1]);
  }
  if (first && last && (period.index || !year(first) || !year(last)))
    return {resolve_indices(*first, *last, static_cast<int64_t>(times.size()), setting), BoundKind::indices};
  if ((first && !year(first)) || (last && !year(last))) {
    fail(Exit::usage, "{}: expected two dates or two time indices, found one of each: [{}, {}]", setting,
         bounds[0], bounds[1]);
  }
  return {resolve_dates(bounds, times, calendar, setting),
          first && last ? BoundKind::years : BoundKind::dates};
}

std::string period_text(const std::vector<TimeStamp>& times, Calendar calendar, Range period) {
  return fmt::format("{} to {}", format_time(times[period.begin], calendar),
                     format_time(times[period.end - 1], calendar));
}

PairCount count_pairs(const std::vector<TimeStamp>& times, Calendar calendar, Range period,
                      const LeadTime& lead) {
  PairCount count;
  const std::vector<Sample> samples = make_samples(times, calendar, period, lead);
  count.samples = std::ssize(samples);
  auto sample = samples.begin();
  for (int64_t i = period.begin; i < period.end; ++i) {
    if (sample != samples.end() && sample->input == i)
      ++sample;
    else
      ++(lead.after(times[i], calendar) > times[period.end - 1] ? count.ends : count.gaps);
  }
  return count;
}

std::string describe_period(const Period& period, const std::vector<TimeStamp>& times, Calendar calendar,
                            const LeadTime& lead) {
  const char* kind = period.kind == BoundKind::years     ? " (by years)"
                     : period.kind == BoundKind::indices ? " (by time indices)"
                                                         : "";
  const PairCount pairs = count_pairs(times, calendar, period.times, lead);
  return fmt::format("{}{}: {} times, {} samples of {}, {} lost at the end, {} to gaps",
                     period_text(times, calendar, period.times), kind, period.times.size(), pairs.samples,
                     lead.text(), pairs.ends, pairs.gaps);
}

}  // namespace seqvit::data
