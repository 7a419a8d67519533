#include "data/phases.h"

#include <cmath>
#include <numbers>

namespace seqvit::data {

std::array<double, kPhases> calendar_phases(TimeStamp time, Calendar calendar) {
  const DateTime date = to_date_time(time, calendar);
  const auto start_of = [&](int64_t year) { return to_time_stamp(DateTime{.year = year}, calendar); };
  const TimeStamp year_start = start_of(date.year);
  const auto year_length = static_cast<double>(start_of(date.year + 1) - year_start);
  const double day =
      2.0 * std::numbers::pi * (date.hour / 24.0 + date.minute / 1440.0 + date.second / 86400.0);
  const double year = 2.0 * std::numbers::pi * static_cast<double>(time - year_start) / year_length;
  return {std::sin(day), std::cos(day), std::sin(year), std::cos(year)};
}

TimeStamp rolled_time(TimeStamp time, double degrees) {
  return time - std::llround(degrees / 360.0 * 86400.0);
}

}  // namespace seqvit::data
