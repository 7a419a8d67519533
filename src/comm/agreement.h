/// Failures of one rank that all ranks follow: a full disk under one of them must not leave the others
/// waiting in the next collective, nor let them go on.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "comm/comm.h"

namespace seqvit::comm {

/// Runs `work`, which starts no collective, on every rank. Returns every rank's result by rank, or throws on
/// every rank the Error of the first rank whose work threw one. Collective.
std::vector<std::string> gather_results(Comm& comm, const std::function<std::string()>& work,
                                        const char* purpose);
/// The same without results.
void do_together(Comm& comm, const std::function<void()>& work, const char* purpose);
/// Where one rank works for all.
void do_on_first(Comm& comm, const std::function<void()>& work, const char* purpose);

}  // namespace seqvit::comm
