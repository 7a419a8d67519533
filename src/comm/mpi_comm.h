/// Ranks as MPI processes, for tensors in host memory.
///
/// When to use it: several processes or machines; programs get it from `Launch`.
/// Cost: P - 1 messages a rank and collective. reduce_scatter needs a buffer as large as its input;
/// all_reduce is a reduce_scatter and an all_gather, or one all_gather when it is small. Tensors are sent
/// from where they lie, so the owner must not change an input before `wait`. Large messages move only while a
/// rank is inside a call of this library; any `wait` moves all that is under way, so waits may be in any
/// order. Sums are made here, in the order of ranks: the same bits on every rank, in every run, and over
/// threads. (MPI itself promises that only as advice to implementors.)
#pragma once

#include <memory>

#include "comm/comm.h"

namespace seqvit::comm {

/// Initialises MPI and returns the communicator of all processes. Once a process; Error(communication) if MPI
/// cannot.
std::unique_ptr<Comm> make_mpi_world();

}  // namespace seqvit::comm
