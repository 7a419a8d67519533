#include "core/profile.h"

#include <utility>

#include "core/watch.h"

namespace seqvit {
namespace {

// A rank is a thread: its models share what it spends.
thread_local std::map<std::string, double> seconds_by_part;

}  // namespace

TimedPart::~TimedPart() {
  seconds_by_part[part_] += seconds_now() - start_;
  sign_of_life();
}

std::map<std::string, double> take_part_seconds() {
  return std::exchange(seconds_by_part, {});
}

}  // namespace seqvit
