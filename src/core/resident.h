/// Memory of this process as the system counts it: close to what a limit on a job's memory is held against.
#pragma once

#include <cstdint>

namespace seqvit {

int64_t resident_bytes();
/// Largest resident_bytes() since the last reset, or since the start.
int64_t peak_resident_bytes();
/// Whether the system allows it.
bool reset_peak_resident_bytes();

}  // namespace seqvit
