/// Memory of this process and its machine as the system counts it: close to what a limit on a job's memory is
/// held against.
#pragma once

#include <cstdint>

namespace seqvit {

int64_t resident_bytes();
/// Largest resident_bytes() since the last reset, or since the start.
int64_t peak_resident_bytes();
/// Whether the system allows it.
bool reset_peak_resident_bytes();

/// Of the machine, or of the control group that this process is in where that may have less.
int64_t memory_bytes();
/// Addresses that this process can still take: its limit (`ulimit -v`) less what it has; the largest int64
/// without a limit.
int64_t free_address_bytes();

}  // namespace seqvit
