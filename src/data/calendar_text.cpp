// Reading and writing of dates, time units and lead times as text.
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>

#include <fmt/core.h>

#include "core/error.h"
#include "core/words.h"
#include "data/calendar.h"

namespace seqvit::data {
namespace {

/// Takes a text apart from the left; every `take` leaves it unchanged where it does not match.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) { skip_space(); }

  bool at_end() const { return rest_.empty(); }
  void skip_space() { rest_ = trimmed(rest_); }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take_word(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  template <typename T>
  bool take_number(T& value) {
    if (rest_.empty() || !std::isdigit(static_cast<unsigned char>(rest_.front()))) return false;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc{}) return false;
    rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
    return true;
  }

 private:
  std::string_view rest_;
};

/// Of dates in text, either way: nobody writes later ones, and times stay far from what an int64_t holds.
constexpr int64_t kLastYear = 999'999;

struct ParsedTime {
  DateTime date;
  double fraction = 0.0;     // of a second
  int64_t zone_seconds = 0;  // ahead of UTC
  bool has_time = false;
};

bool scan_date(Scanner& in, DateTime& date) {
  const bool negative = in.take('-');
  if (!in.take_number(date.year) || !in.take('-') || !in.take_number(date.month) || !in.take('-') ||
      !in.take_number(date.day)) {
    return false;
  }
  if (negative) date.year = -date.year;
  return std::abs(date.year) <= kLastYear;
}

/// "06", "06:00", "06:00:00", "06:00:00.0".
bool scan_clock(Scanner& in, ParsedTime& time) {
  if (!in.take_number(time.date.hour)) return false;
  time.has_time = true;
  if (!in.take(':')) return true;
  if (!in.take_number(time.date.minute)) return false;
  if (!in.take(':')) return true;
  double seconds = 0.0;
  if (!in.take_number(seconds) || !(seconds < 60.0)) return false;
  time.date.second = static_cast<int>(seconds);
  time.fraction = seconds - time.date.second;
  return true;
}

/// "Z", "UTC", "GMT", "+01:00", "-3:30", "+0100", "0:00".
bool scan_zone(Scanner& in, ParsedTime& time) {
  in.skip_space();
  if (in.at_end() || in.take_word("UTC") || in.take_word("GMT") || in.take('Z')) return in.at_end();
  const bool west = in.take('-');
  if (!west) in.take('+');
  int64_t hours = 0, minutes = 0;
  if (!in.take_number(hours)) return false;
  if (hours >= 100) {  // written without a colon
    minutes = hours % 100;
    hours /= 100;
  } else if (in.take(':') && !in.take_number(minutes)) {
    return false;
  }
  if (hours > 24 || minutes > 59) return false;
  time.zone_seconds = (west ? -1 : 1) * (hours * 3600 + minutes * 60);
  return in.at_end();
}

std::optional<ParsedTime> scan_time(std::string_view text, Calendar calendar, bool zones) {
  Scanner in(text);
  ParsedTime time;
  if (!scan_date(in, time.date)) return std::nullopt;
  if (!in.at_end()) {
    if (!in.take('T') && !in.take('t')) in.skip_space();
    if (!scan_clock(in, time) && !zones) return std::nullopt;
    if (!zones) in.take('Z');
    if (zones ? !scan_zone(in, time) : !in.at_end()) return std::nullopt;
  }
  if (!is_valid(time.date, calendar)) return std::nullopt;
  return time;
}

}  // namespace

double unit_seconds(std::string_view unit) {
  struct Name {
    std::string_view text;
    double seconds;
  };
  constexpr std::array kNames = std::to_array<Name>({
      {"d", 86400},   {"day", 86400},       {"days", 86400},       {"h", 3600},
      {"hr", 3600},   {"hrs", 3600},        {"hour", 3600},        {"hours", 3600},
      {"min", 60},    {"mins", 60},         {"minute", 60},        {"minutes", 60},
      {"s", 1},       {"sec", 1},           {"secs", 1},           {"second", 1},
      {"seconds", 1}, {"week", 604800},     {"weeks", 604800},     {"ms", 1e-3},
      {"msec", 1e-3}, {"msecs", 1e-3},      {"millisecond", 1e-3}, {"milliseconds", 1e-3},
      {"us", 1e-6},   {"microsec", 1e-6},   {"microsecond", 1e-6}, {"microseconds", 1e-6},
      {"ns", 1e-9},   {"nanosecond", 1e-9}, {"nanoseconds", 1e-9},
  });
  for (const Name& name : kNames) {
    if (name.text == unit) return name.seconds;
  }
  return 0.0;
}

namespace {

int64_t months_of(std::string_view unit) {
  if (unit == "month" || unit == "months" || unit == "mon") return 1;
  return unit == "year" || unit == "years" || unit == "yr" || unit == "common_year" ? 12 : 0;
}

}  // namespace

TimeStamp parse_time(std::string_view text, Calendar calendar, bool* whole_day) {
  const std::optional<ParsedTime> time = scan_time(text, calendar, false);
  if (!time || time->fraction != 0.0) {
    fail(Exit::usage,
         "expected a time such as 2014-07-01 or 2014-07-01T06:00:00 of the {} calendar, found '{}'",
         calendar_name(calendar), text);
  }
  if (whole_day != nullptr) *whole_day = !time->has_time;
  return to_time_stamp(time->date, calendar);
}

TimeSpan parse_span(std::string_view text, Calendar calendar) {
  Scanner in(text);
  DateTime first, next;
  if (in.take_number(first.year) && first.year > 0 && first.year < kLastYear) {
    next.year = first.year + 1;
    if (in.at_end()) return {to_time_stamp(first, calendar), to_time_stamp(next, calendar) - 1};
    if (in.take('-') && in.take_number(first.month) && in.at_end() && is_valid(first, calendar)) {
      next = first.month == 12 ? next : DateTime{first.year, first.month + 1};
      return {to_time_stamp(first, calendar), to_time_stamp(next, calendar) - 1};
    }
  }
  bool whole_day = false;
  const TimeStamp time = parse_time(text, calendar, &whole_day);
  return {time, whole_day ? time + 86399 : time};
}

std::string format_time(TimeStamp time, Calendar calendar) {
  const DateTime date = to_date_time(time, calendar);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", date.year, date.month, date.day, date.hour,
                     date.minute, date.second);
}

TimeUnits TimeUnits::parse(std::string_view units, Calendar calendar) {
  const std::string text = lower(units);
  const size_t since = text.find(" since ");
  if (since == std::string::npos) {
    fail(Exit::data,
         "time units: expected 'UNIT since DATE', found '{}'; rewrite the time axis relative to a date (cdo "
         "-r copy)",
         units);
  }
  const std::string_view unit = trimmed(std::string_view(text).substr(0, since));
  TimeUnits result{0, unit_seconds(unit), months_of(unit), calendar};
  if (result.seconds_per_unit == 0.0 && result.months_per_unit == 0) {
    fail(Exit::data,
         "time units: expected seconds, minutes, hours, days, months or years, found '{}'; correct the "
         "attribute 'units'",
         units);
  }
  const std::optional<ParsedTime> origin = scan_time(units.substr(since + 7), calendar, true);
  if (!origin) {
    fail(Exit::data,
         "time units: expected a date of the {} calendar after 'since', found '{}'; correct the attribute "
         "'units'",
         calendar_name(calendar), units);
  }
  result.origin =
      to_time_stamp(origin->date, calendar) - origin->zone_seconds + std::llround(origin->fraction);
  return result;
}

TimeStamp TimeUnits::decode(double value) const {
  constexpr double kMostSeconds = 3e13;  // as kLastYear
  if (months_per_unit > 0) {
    const double months = value * static_cast<double>(months_per_unit), whole = std::floor(months);
    if (!(std::abs(months) <= 12.0 * 900'000.0))
      fail(Exit::data, "expected times within a million years, found {:g}; correct the file", value);
    const TimeStamp begin = LeadTime{0, static_cast<int64_t>(whole)}.after(origin, calendar),
                    end = LeadTime{0, static_cast<int64_t>(whole) + 1}.after(origin, calendar);
    return begin + std::llround((months - whole) * static_cast<double>(end - begin));
  }
  if (!(std::abs(static_cast<double>(origin) + value * seconds_per_unit) <= kMostSeconds))
    fail(Exit::data, "expected times within a million years, found {:g}; correct the file", value);
  // Whole units first: a product of a large count of days with 86400 would cost digits of the fraction.
  const double whole = std::floor(value);
  if (seconds_per_unit < 1.0) return origin + std::llround(value * seconds_per_unit);
  return origin + static_cast<int64_t>(whole) * static_cast<int64_t>(seconds_per_unit) +
         std::llround((value - whole) * seconds_per_unit);
}

LeadTime LeadTime::parse(std::string_view text) {
  const std::string word = lower(trimmed(text));
  const size_t digits = word.find_first_not_of("0123456789");
  int64_t count = 0;
  const bool numbered = digits != 0 && digits != std::string::npos && digits < 10 &&
                        std::from_chars(word.data(), word.data() + digits, count).ec == std::errc{};
  const std::string_view unit = numbered ? trimmed(std::string_view(word).substr(digits)) : "";
  LeadTime lead;
  if (unit == "mon" || unit == "month" || unit == "months") {
    lead.months = count;
  } else if (const double seconds = unit_seconds(unit); seconds >= 1.0) {
    lead.seconds = count * static_cast<int64_t>(seconds);
  }
  constexpr double kMostHours = 1000 * 12 * 730.5;
  if (!(lead.hours() > 0.0 && lead.hours() <= kMostHours)) {
    fail(Exit::usage, "expected a time step such as 6h, 90min, 1d or 1mon, of at most 1000 years, found '{}'",
         text);
  }
  return lead;
}

std::string LeadTime::text() const {
  if (months != 0) return fmt::format("{}mon", months);
  if (seconds % 86400 == 0) return fmt::format("{}d", seconds / 86400);
  if (seconds % 3600 == 0) return fmt::format("{}h", seconds / 3600);
  if (seconds % 60 == 0) return fmt::format("{}min", seconds / 60);
  return fmt::format("{}s", seconds);
}

double LeadTime::hours() const {
  return static_cast<double>(seconds) / 3600.0 + 730.5 * static_cast<double>(months);
}

}  // namespace seqvit::data
