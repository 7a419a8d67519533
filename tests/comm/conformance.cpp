#include "conformance.h"

namespace seqvit::comm {

std::vector<ConformanceCase> conformance_cases() {
  std::vector<ConformanceCase> all;
  for (auto part : {moving_cases, summing_cases, order_cases, group_cases, failure_cases})
    for (const ConformanceCase& one : part())
      all.push_back(one);
  return all;
}

void reset_comm_state() {
  set_comm_timeout(60.0);
  set_comm_step(-1);
}

}  // namespace seqvit::comm
