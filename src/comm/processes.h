/// Which ranks' processes are still alive, of those on this machine.
///
/// When to use it: while waiting for peers, every now and then. MPI does not tell that a peer was killed, and
/// the launcher kills the rest a second later; a look at the process table (one system call a peer) is in
/// time to say so. Ranks on other machines or in other containers count as alive: for them there is the
/// time-out.
#pragma once

#include <cstdint>
#include <vector>

#include "comm/comm.h"

namespace seqvit::comm {

struct ProcessId {
  int64_t machine, pid;  ///< `machine` tells apart hosts and process-number spaces
};

ProcessId this_process();

/// Ranks whose process no longer exists; all[r] is the process of rank r.
std::vector<int> ended_processes(const std::vector<ProcessId>& all);

/// Ranks of `world` before this one on this machine: launchers say it under many names, or not at all.
/// Collective; 0 for a phantom, which is alone.
int rank_on_machine(Comm& world);

}  // namespace seqvit::comm
