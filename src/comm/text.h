/// Small texts between ranks (indices, checksums, messages): for set-up and checkpoints, not for the step.
#pragma once

#include <string>
#include <vector>

#include "comm/comm.h"

namespace seqvit::comm {

/// Every rank's text, by rank. Collective.
std::vector<std::string> gather_text(Comm& comm, const std::string& mine, const char* purpose);
/// Root's text on every rank. Collective.
std::string broadcast_text(Comm& comm, const std::string& text, int root, const char* purpose);

}  // namespace seqvit::comm
