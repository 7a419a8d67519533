/// What may go wrong between GPUs, on demand (nccl.cpp).
#pragma once

#include <stdexcept>

namespace seqvit::test_device {

enum class NcclFault {
  none,
  lose_rank,    ///< the rank ends: its communicators are gone at once, and its thread throws RankLost
  async_error,  ///< its messages end with an error that only ncclCommGetAsyncError tells
  never_ends    ///< its messages neither end nor fail
};
struct RankLost : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Happens at the calls of the rank on this device, from the n-th group of calls on (counted from 1, from
/// now).
void inject(NcclFault fault, int device, int group = 1);
/// Seconds that ranks wait for each other before those who do not come are reported (default 60).
void set_nccl_patience(double seconds);

}  // namespace seqvit::test_device
