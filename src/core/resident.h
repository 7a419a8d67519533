/// Memory of this process as the system counts it: what a limit on a job's memory is held against.
#pragma once

#include <cstdint>

namespace seqvit {

int64_t resident_bytes();
/// Largest resident_bytes() since the last reset; since the start where the system does not allow one.
int64_t peak_resident_bytes();
void reset_peak_resident_bytes();

}  // namespace seqvit
