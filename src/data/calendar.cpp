#include "data/calendar.h"

#include <array>

#include <fmt/core.h>

#include "core/error.h"
#include "core/words.h"

namespace seqvit::data {
namespace {

constexpr int64_t kDay = 86400;

int64_t floor_divide(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

bool gregorian_leap(int64_t year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

bool is_leap(int64_t year, Calendar calendar) {
  switch (calendar) {
    case Calendar::standard:
      return year > 1582 ? gregorian_leap(year) : year % 4 == 0;
    case Calendar::proleptic_gregorian:
      return gregorian_leap(year);
    case Calendar::julian:
      return year % 4 == 0;
    case Calendar::all_leap:
      return true;
    case Calendar::noleap:
    case Calendar::day360:
      return false;
  }
  return false;
}

int days_in_month(int64_t year, int month, Calendar calendar) {
  if (calendar == Calendar::day360) return 30;
  constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return kDays[month - 1] + (month == 2 && is_leap(year, calendar) ? 1 : 0);
}

/// Days from 0001-01-01 to the first day of `year`; not for the mixed calendar.
int64_t days_before_year(int64_t year, Calendar calendar) {
  const int64_t y = year - 1;
  switch (calendar) {
    case Calendar::julian:
      return 365 * y + floor_divide(y, 4);
    case Calendar::noleap:
      return 365 * y;
    case Calendar::all_leap:
      return 366 * y;
    case Calendar::day360:
      return 360 * y;
    default:
      return 365 * y + floor_divide(y, 4) - floor_divide(y, 100) + floor_divide(y, 400);
  }
}

int64_t pure_days(int64_t year, int month, int day, Calendar calendar) {
  int64_t days = days_before_year(year, calendar) + day - 1;
  for (int m = 1; m < month; ++m)
    days += days_in_month(year, m, calendar);
  return days;
}

DateTime pure_date(int64_t days, Calendar calendar) {
  DateTime date;
  date.year = floor_divide(days, 366) + 1;  // a guess, then a better one; the loops end within a few years
  date.year += floor_divide(days - days_before_year(date.year, calendar), 366);
  while (days_before_year(date.year + 1, calendar) <= days)
    ++date.year;
  while (days_before_year(date.year, calendar) > days)
    --date.year;
  int64_t rest = days - days_before_year(date.year, calendar);
  while (rest >= days_in_month(date.year, date.month, calendar)) {
    rest -= days_in_month(date.year, date.month++, calendar);
  }
  date.day = static_cast<int>(rest) + 1;
  return date;
}

// The mixed calendar counts from the Julian 0001-01-01, which is two days before the Gregorian one, and goes
// from 1582-10-04 (Julian) straight to 1582-10-15 (Gregorian).
constexpr int64_t kGregorianShift = 2;

int64_t first_gregorian_day() {
  static const int64_t day = pure_days(1582, 10, 15, Calendar::proleptic_gregorian) + kGregorianShift;
  return day;
}

int64_t days_of(int64_t year, int month, int day, Calendar calendar) {
  if (calendar != Calendar::standard) return pure_days(year, month, day, calendar);
  const bool gregorian = std::array<int64_t, 3>{year, month, day} >= std::array<int64_t, 3>{1582, 10, 15};
  return gregorian ? pure_days(year, month, day, Calendar::proleptic_gregorian) + kGregorianShift
                   : pure_days(year, month, day, Calendar::julian);
}

}  // namespace

Calendar parse_calendar(std::string_view name) {
  const std::string word = lower(name);
  if (word == "standard" || word == "gregorian") return Calendar::standard;
  if (word == "proleptic_gregorian") return Calendar::proleptic_gregorian;
  if (word == "julian") return Calendar::julian;
  if (word == "noleap" || word == "365_day") return Calendar::noleap;
  if (word == "all_leap" || word == "366_day") return Calendar::all_leap;
  if (word == "360_day") return Calendar::day360;
  fail(Exit::data,
       "calendar: expected standard, gregorian, proleptic_gregorian, julian, noleap, 365_day, all_leap, "
       "366_day or 360_day, found '{}'; correct the attribute 'calendar' of the time variable",
       name);
}

std::string calendar_name(Calendar calendar) {
  switch (calendar) {
    case Calendar::standard:
      return "standard";
    case Calendar::proleptic_gregorian:
      return "proleptic_gregorian";
    case Calendar::julian:
      return "julian";
    case Calendar::noleap:
      return "noleap";
    case Calendar::all_leap:
      return "all_leap";
    case Calendar::day360:
      return "360_day";
  }
  return "";
}

bool is_valid(const DateTime& date, Calendar calendar) {
  if (date.month < 1 || date.month > 12 || date.day < 1) return false;
  if (date.day > days_in_month(date.year, date.month, calendar)) return false;
  if (calendar == Calendar::standard && date.year == 1582 && date.month == 10 && date.day > 4 &&
      date.day < 15) {
    return false;
  }
  return date.hour >= 0 && date.hour < 24 && date.minute >= 0 && date.minute < 60 && date.second >= 0 &&
         date.second < 60;
}

TimeStamp to_time_stamp(const DateTime& date, Calendar calendar) {
  return days_of(date.year, date.month, date.day, calendar) * kDay + int64_t{3600} * date.hour +
         int64_t{60} * date.minute + date.second;
}

DateTime to_date_time(TimeStamp time, Calendar calendar) {
  const int64_t days = floor_divide(time, kDay);
  const auto seconds = static_cast<int>(time - days * kDay);
  DateTime date;
  if (calendar != Calendar::standard) {
    date = pure_date(days, calendar);
  } else if (days >= first_gregorian_day()) {
    date = pure_date(days - kGregorianShift, Calendar::proleptic_gregorian);
  } else {
    date = pure_date(days, Calendar::julian);
  }
  date.hour = seconds / 3600;
  date.minute = seconds / 60 % 60;
  date.second = seconds % 60;
  return date;
}

int day_of_year(TimeStamp time, Calendar calendar) {
  const int64_t first = days_of(to_date_time(time, calendar).year, 1, 1, calendar);
  return static_cast<int>(floor_divide(time, kDay) - first) + 1;
}

int64_t month_of(TimeStamp time, Calendar calendar) {
  const DateTime date = to_date_time(time, calendar);
  return date.year * 12 + date.month - 1;
}

TimeStamp LeadTime::after(TimeStamp time, Calendar calendar) const {
  if (months == 0) return time + seconds;
  DateTime date = to_date_time(time, calendar);
  const int64_t month = date.year * 12 + date.month - 1 + months;
  date.year = floor_divide(month, 12);
  date.month = static_cast<int>(month - date.year * 12) + 1;
  date.day = std::min(date.day, days_in_month(date.year, date.month, calendar));
  // Only the changeover of 1582 can still be hit here: the days that do not exist become the first that does.
  while (!is_valid(date, calendar))
    ++date.day;
  return to_time_stamp(date, calendar) + seconds;
}

}  // namespace seqvit::data
