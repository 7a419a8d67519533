// The conformance suite on rank-threads and alone, and what only threads promise.
#include "comm/thread.h"

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

#include "comm/device_comm.h"
#include "conformance.h"
#include "core/error.h"
#include "tensors.h"

namespace seqvit::comm {
namespace {

struct Run {
  ConformanceCase one;
  int ranks;
};

void PrintTo(const Run& run, std::ostream* out) {
  *out << run.one.name << " on " << run.ranks << " ranks";
}

/// Everything on 1 to 8 ranks, but failures, which wait for time-outs, on some.
std::vector<Run> runs() {
  std::vector<Run> all;
  for (auto part : {moving_cases, summing_cases, order_cases, group_cases})
    for (const ConformanceCase& one : part())
      for (int ranks = 1; ranks <= 8; ++ranks)
        all.push_back({one, ranks});
  for (const ConformanceCase& one : failure_cases())
    for (const int ranks : {1, 2, 5})
      all.push_back({one, ranks});
  return all;
}

class OnThreads : public testing::TestWithParam<Run> {};

TEST_P(OnThreads, conforms) {
  reset_comm_state();
  run_ranks(GetParam().ranks, GetParam().one.run);
  reset_comm_state();
}

INSTANTIATE_TEST_SUITE_P(, OnThreads, testing::ValuesIn(runs()), [](const auto& run) {
  return std::string(run.param.one.name) + "_" + std::to_string(run.param.ranks);
});

/// Tensors of the host pass through a communicator for devices as they do without it.
TEST(DeviceComm, conforms) {
  for (auto part : {moving_cases, summing_cases, order_cases}) {
    for (const ConformanceCase& each : part()) {
      reset_comm_state();
      run_ranks(3, [&](Comm& host) { each.run(*make_device_comm(host, MakeDirect())); });
    }
  }
}

Tensor one() {
  return make<float>(1, [](int64_t) { return 1; });
}

TEST(SelfComm, conforms) {
  for (const ConformanceCase& each : conformance_cases()) {
    reset_comm_state();
    each.run(*make_self_comm());
  }
}

TEST(SelfComm, returns_its_input) {
  const Tensor x = one();
  EXPECT_TRUE(make_self_comm()->all_reduce(x, "test").wait().is_same(x));
}

TEST(RunRanks, sixty_four_ranks) {
  run_ranks(64, [](Comm& world) {
    const std::unique_ptr<Comm> row = world.split([](int r) { return r / 8; }),
                                column = world.split([](int r) { return r % 8; });
    for (int round = 0; round < 20; ++round) {
      Pending in_row = row->all_reduce(one(), "row");
      Pending in_column = column->all_gather(one(), Counts(8, 1), "column");
      ASSERT_EQ(world.all_reduce(one(), "world").wait().const_data_ptr<float>()[0], 64.0f);
      ASSERT_EQ(in_row.wait().const_data_ptr<float>()[0], 8.0f);
      ASSERT_EQ(in_column.wait().numel(), 8);
    }
  });
}

/// All other ranks wait for a message, a collective, or a collective of another communicator.
TEST(RunRanks, a_rank_that_throws_frees_the_others) {
  reset_comm_state();
  std::atomic<int> freed = 0;
  const auto begin = std::chrono::steady_clock::now();
  const auto body = [&](Comm& world) {
    const std::unique_ptr<Comm> others = world.split([](int r) { return r > 0; });
    if (world.rank() == 0) throw std::runtime_error("rank 0 has enough");
    try {
      if (world.rank() == 1) world.send_recv(one(), 0, 2, 1, "message").wait();
      if (world.rank() == 2) world.barrier("barrier");
      others->all_reduce(one(), "others").wait();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Exit::communication);
      EXPECT_NE(std::string(error.what()).find("rank 0 ended"), std::string::npos) << error.what();
      ++freed;
      throw;
    }
  };
  try {
    run_ranks(5, body);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "rank 0 has enough");  // the first, not those it caused
  }
  EXPECT_EQ(freed, 4);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(50))
      << "by news, not by the time-out";
}

TEST(RunRanks, a_rank_that_returns_early_is_missed) {
  reset_comm_state();
  try {
    run_ranks(4, [](Comm& world) {
      if (world.rank() != 2) world.all_reduce(one(), "sum").wait();
    });
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("all_reduce 'sum' over 4 ranks: rank 2 ended"),
              std::string::npos)
        << error.what();
  }
}

TEST(RunRanks, different_collectives_are_told_apart) {
  reset_comm_state();
  try {
    run_ranks(3, [](Comm& world) {
      if (world.rank() == 1) {
        world.broadcast(one(), 0, "weights").wait();
      } else {
        world.all_reduce(one(), "loss").wait();
      }
    });
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("broadcast 'weights'"), std::string::npos) << text;
    EXPECT_NE(text.find("all_reduce 'loss'"), std::string::npos) << text;
  }
}

TEST(RunRanks, different_purposes_are_told_apart) {
  reset_comm_state();
  const auto body = [](Comm& world) { world.all_reduce(one(), world.rank() == 0 ? "loss" : "norm").wait(); };
  EXPECT_THROW(run_ranks(2, body), Error);
}

}  // namespace
}  // namespace seqvit::comm
