/// Series of times for tests.
#pragma once

#include <cstdint>
#include <vector>

#include "data/calendar.h"

namespace seqvit::data {

/// `count` times, so many hours apart, in the standard calendar.
inline std::vector<TimeStamp> every(int64_t hours, int64_t count, const char* from = "2013-01-01") {
  std::vector<TimeStamp> times;
  const TimeStamp first = parse_time(from, Calendar::standard);
  for (int64_t i = 0; i < count; ++i)
    times.push_back(first + i * hours * 3600);
  return times;
}

}  // namespace seqvit::data
