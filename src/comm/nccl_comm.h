/// Ranks as processes with a GPU each, talking through NCCL (or, with the same calls, RCCL).
///
/// When to use it: through device.h. Every collective is queued on a stream of the communicator behind the
/// work that makes its input; `wait` makes the current stream wait, not the host, so exchanges overlap with
/// computation. Sums are NCCL's: equal on all ranks, but not to the last bit those of the CPU's
/// communicators. A rank that dies is noticed by the host's communicator, which every step uses too.
#pragma once

#include <memory>

#include <c10/core/Device.h>

#include "comm/comm.h"

namespace seqvit::comm {

/// Collective over `host`, which brings the ranks together.
std::unique_ptr<Comm> make_nccl_comm(Comm& host, c10::Device device);

}  // namespace seqvit::comm
