#include "device/timeline.h"

#include <algorithm>

namespace seqvit::test_device {
namespace {

void join(Clock& clock, const Clock& other) {
  for (int s = 0; s < kStreams; ++s)
    clock[s] = std::max(clock[s], other[s]);
}

}  // namespace

int64_t Timeline::launch(int stream) {
  join(clocks_[stream], host_);
  return ++clocks_[stream][stream];
}

Clock Timeline::record(int stream) {
  join(clocks_[stream], host_);
  return clocks_[stream];
}

void Timeline::wait(int stream, const Clock& event) {
  join(clocks_[stream], event);
}

void Timeline::host_waits(const Clock& event) {
  join(host_, event);
}

bool Timeline::is_done(int other, int64_t number, int stream) const {
  return other == stream || clocks_[stream][other] >= number || host_[other] >= number;
}

void Timeline::stick(int stream) {
  if (!stuck_[stream]) stuck_[stream] = launch(stream);
}

void Timeline::unstick(int stream) {
  stuck_[stream].reset();
}

bool Timeline::ends(const Clock& event) const {
  for (int s = 0; s < kStreams; ++s) {
    if (stuck_[s] && event[s] >= *stuck_[s]) return false;
  }
  return true;
}

}  // namespace seqvit::test_device
