/// What every Comm must do, as cases that run on one rank each of any implementation: itself, threads, MPI.
#pragma once

#include <string>
#include <vector>

#include "comm/comm.h"

namespace seqvit::comm {

struct ConformanceCase {
  const char* name;
  void (*run)(Comm& world);  ///< called on every rank; failures are gtest's
};

std::vector<ConformanceCase> moving_cases();
std::vector<ConformanceCase> summing_cases();
std::vector<ConformanceCase> order_cases();
std::vector<ConformanceCase> group_cases();
std::vector<ConformanceCase> failure_cases();

/// All of the above.
std::vector<ConformanceCase> conformance_cases();

/// Before each case: a limit that turns a hang into a failure, and no step.
void reset_comm_state();

}  // namespace seqvit::comm
