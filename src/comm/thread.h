/// Ranks as threads of one process: the same parallel code on any mesh in milliseconds, without MPI.
///
/// When to use it: tests, `verify`, and layouts of up to some tens of ranks on one machine. Tensors of the
/// CPU, or of a GPU for each rank: libtorch runs backward of all tensors of a GPU on one thread, where ranks
/// that share it would wait for each other for ever. Cost: two short locks and one sleep a collective;
/// nobody spins, so that 64 ranks run on two cores. Starting a collective copies the input, which is why its
/// owner may change it as soon as it likes and a rank's `wait` never waits for others to have read: `wait` in
/// any order on any rank cannot deadlock. Sums are made in the order of ranks, so they have the same bits on
/// every rank, in every run, and over MPI.
#pragma once

#include <functional>

#include "comm/comm.h"

namespace seqvit::comm {

/// Runs `body` on n threads, each with its rank of a communicator of size n, and returns when all have ended.
/// Rethrows what was thrown first; once a rank has thrown, collectives of the others throw
/// Error(communication), and so do collectives that wait for a rank whose body has returned.
void run_ranks(int n, const std::function<void(Comm&)>& body);

}  // namespace seqvit::comm
