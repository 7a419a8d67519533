/// CF time: calendars, "hours since ..." units, and time stamps as exact seconds.
///
/// A time stamp is a whole number of seconds since 0001-01-01 00:00:00 *in its own calendar*, so differences
/// within one data set are exact and no step counter drifts. Source: CF conventions 1.11, section 4.4.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace seqvit::data {

enum class Calendar { standard, proleptic_gregorian, julian, noleap, all_leap, day360 };

/// Seconds since 0001-01-01 00:00:00 of the calendar in use.
using TimeStamp = int64_t;

struct DateTime {
  int64_t year = 1;
  int month = 1, day = 1, hour = 0, minute = 0, second = 0;
  friend bool operator==(const DateTime&, const DateTime&) = default;
};

/// Accepts every CF name: standard, gregorian, proleptic_gregorian, julian, noleap, 365_day, all_leap,
/// 366_day, 360_day. Throws Error(data) naming the accepted ones.
Calendar parse_calendar(std::string_view name);
std::string calendar_name(Calendar calendar);

TimeStamp to_time_stamp(const DateTime& date, Calendar calendar);
DateTime to_date_time(TimeStamp time, Calendar calendar);

/// Whether the calendar has this date and time (1582-10-10 does not exist in the standard calendar).
bool is_valid(const DateTime& date, Calendar calendar);

/// 1 .. 366.
int day_of_year(TimeStamp time, Calendar calendar);

/// "2014-07-01", "2014-07-01T06", "2014-07-01 06:00[:00]" (also with a trailing Z). Throws Error(usage).
/// `whole_day`, if given, is set to whether only a date was named.
TimeStamp parse_time(std::string_view text, Calendar calendar, bool* whole_day = nullptr);
/// All that a date names, from its first second to its last: a year ("2014"), a month ("2014-07"), a day, or
/// a time, which names itself. Throws Error(usage).
struct TimeSpan {
  TimeStamp first = 0, last = 0;
};
TimeSpan parse_span(std::string_view text, Calendar calendar);
/// "2014-07-01T06:00:00".
std::string format_time(TimeStamp time, Calendar calendar);

/// Months since January of the year 0.
int64_t month_of(TimeStamp time, Calendar calendar);

/// Seconds of a unit of time that has a fixed length ("h", "hours", "days", ...); 0 for anything else.
double unit_seconds(std::string_view unit);

/// "hours since 1900-01-01 00:00:00": the origin and the number of seconds of one unit. Months and years are
/// those of the calendar, a half one reaching to its middle (udunits has a mean month of 30.4 days, whose
/// dates nobody means; in the 360_day calendar both are the same). Throws Error(data).
struct TimeUnits {
  TimeStamp origin = 0;
  double seconds_per_unit = 1.0;
  int64_t months_per_unit = 0;  ///< of "months since" and "years since": months of the calendar
  Calendar calendar = Calendar::standard;

  static TimeUnits parse(std::string_view units, Calendar calendar);
  /// Nearest whole second (a value in days as double is not exact). Throws Error(data) for what is no time:
  /// not a number, or more than some 950,000 years from year 1.
  TimeStamp decode(double value) const;
};

/// A time step between fields: a fixed number of seconds, or of calendar months (monthly means are not
/// equally spaced).
struct LeadTime {
  int64_t seconds = 0;
  int64_t months = 0;

  /// "6h", "90min", "1d", "1mon", up to 1000 years. Throws Error(usage).
  static LeadTime parse(std::string_view text);
  std::string text() const;
  /// In hours; a month counts as 730.5.
  double hours() const;
  LeadTime times(int64_t n) const { return {seconds * n, months * n}; }
  /// `time` moved forward by this step. For months the day is clipped to the length of the month.
  TimeStamp after(TimeStamp time, Calendar calendar) const;
  friend bool operator==(const LeadTime&, const LeadTime&) = default;
};

}  // namespace seqvit::data
