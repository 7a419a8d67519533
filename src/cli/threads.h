/// Threads of all ranks against the cores that there are.
#pragma once

#include "comm/launch.h"

namespace seqvit::cli {

/// Says once, on rank 0, when the ranks on its machine have more threads than cores, and what to set.
void warn_if_oversubscribed(const comm::Launch& launch);

}  // namespace seqvit::cli
