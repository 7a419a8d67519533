// The conformance suite as one rank of an MPI job. Ranks run the same cases in the same order; rank 0 prints,
// the others only what fails.
#include "comm/mpi.h"

#include <cstdio>
#include <exception>

#include <gtest/gtest.h>

#include "comm/launch.h"
#include "conformance.h"

namespace seqvit::comm {
namespace {

const Launch* job = nullptr;

void run(const ConformanceCase& one) {
  reset_comm_state();
  job->world().barrier("next case");
  try {
    one.run(job->world());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "rank %d: %s: %s\n", job->world().rank(), one.name, error.what());
    job->abort(1);  // the other ranks wait for this one
  }
}

class OverMpi : public testing::TestWithParam<ConformanceCase> {};

TEST_P(OverMpi, conforms) {
  run(GetParam());
}

/// What is longer than an MPI count goes in pieces: the same with a limit that makes pieces of everything.
class InPieces : public OverMpi {};

TEST_P(InPieces, conforms) {
  set_mpi_message_limit(1000);
  run(GetParam());
  set_mpi_message_limit(int64_t{1} << 30);
}

std::vector<ConformanceCase> without_failures() {
  std::vector<ConformanceCase> all;
  for (auto part : {moving_cases, summing_cases, order_cases})
    for (const ConformanceCase& one : part())
      all.push_back(one);
  return all;
}

std::string name_of(const testing::TestParamInfo<ConformanceCase>& info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(, OverMpi, testing::ValuesIn(conformance_cases()), name_of);
INSTANTIATE_TEST_SUITE_P(, InPieces, testing::ValuesIn(without_failures()), name_of);

class OnlyFailures : public testing::EmptyTestEventListener {
  void OnTestPartResult(const testing::TestPartResult& part) override {
    if (part.failed())
      std::fprintf(stderr, "rank %d: %s:%d: %s\n", job->world().rank(), part.file_name(), part.line_number(),
                   part.message());
  }
};

}  // namespace
}  // namespace seqvit::comm

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const seqvit::comm::Launch launch;
  seqvit::comm::job = &launch;
  if (launch.world().rank() != 0) {
    testing::TestEventListeners& listeners = testing::UnitTest::GetInstance()->listeners();
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(new seqvit::comm::OnlyFailures);
  }
  return RUN_ALL_TESTS();
}
