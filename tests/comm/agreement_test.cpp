#include "comm/agreement.h"

#include <atomic>

#include <gtest/gtest.h>

#include "comm/thread.h"
#include "support/errors.h"

namespace seqvit::comm {
namespace {

TEST(Agreement, EveryRankHasEveryResult) {
  run_ranks(3, [](Comm& comm) {
    const auto results = gather_results(
        comm, [&] { return std::string(comm.rank(), 'x'); }, "test");
    EXPECT_EQ(results, (std::vector<std::string>{"", "x", "xx"}));
  });
}

TEST(Agreement, TheFailureOfSomeIsThatOfAll) {
  std::atomic<int> threw = 0;
  run_ranks(4, [&](Comm& comm) {
    const auto work = [&] {
      if (comm.rank() == 1) fail(Exit::checkpoint, "disk of rank {} is full", comm.rank());
      if (comm.rank() == 3) fail(Exit::data, "not the first");
    };
    EXPECT_ERROR(do_together(comm, work, "test"), Exit::checkpoint, "disk of rank 1 is full");
    ++threw;
    EXPECT_ERROR(do_on_first(
                     comm, [] { throw Error(Exit::success, "stopped"); }, "test"),
                 Exit::success, "stopped");
    do_together(
        comm, [] {}, "test");  // they are still in step
  });
  EXPECT_EQ(threw, 4);
}

}  // namespace
}  // namespace seqvit::comm
