/// Where the time of a step goes: seconds by part, of the calling thread.
#pragma once

#include <map>
#include <string>

#include "core/clock.h"

namespace seqvit {

/// Adds the time of its scope to a part. Parts must not nest, or they count twice.
class TimedPart {
 public:
  explicit TimedPart(const char* part) : part_(part), start_(seconds_now()) {}
  ~TimedPart();
  TimedPart(const TimedPart&) = delete;
  TimedPart& operator=(const TimedPart&) = delete;

 private:
  const char* part_;
  double start_;
};

/// Seconds by part since the last call, of this thread.
std::map<std::string, double> take_part_seconds();

}  // namespace seqvit
