/// One living rank of a communicator of any size: what it holds and sends is measured, no peer is there.
///
/// When to use it: to run rank r of a layout that is larger than the machine (`bench --phantom`), and to hold
/// the planner's predictions against. A mesh is built over it like over any world, the step is the real one,
/// the bytes by purpose are those of a real rank, and collectives hold the memory that those over MPI hold.
/// Cost: writing the result of each collective once; nothing waits.
///
/// What peers would send is made up, so nothing computed from it means anything: gathered and exchanged parts
/// repeat this rank's own data (weights stay of the size that weights have), sums are this rank's part of
/// them, messages and broadcasts of others are zero.
#pragma once

#include <memory>

#include "comm/comm.h"

namespace seqvit::comm {

/// Rank `rank` of `size`. Throws Error(usage) unless 0 <= rank < size.
std::unique_ptr<Comm> make_phantom_comm(int size, int rank);

}  // namespace seqvit::comm
