// Collectives under way: several at once, over several communicators, waited for in any order.
#include <chrono>
#include <thread>

#include <gtest/gtest.h>

#include "conformance.h"
#include "core/random.h"
#include "tensors.h"

namespace seqvit::comm {
namespace {

constexpr int64_t lengths[] = {1, 40, 3000, 20'000};

Tensor filled(int64_t count, double value) {
  return make<double>(count, [&](int64_t) { return value; });
}

void expect_filled(const Tensor& x, int64_t count, double value) {
  ASSERT_EQ(x.numel(), count);
  for (int64_t i = 0; i < count; ++i)
    ASSERT_EQ(x.const_data_ptr<double>()[i], value);
}

double total_of_ranks(const Comm& comm) {
  return comm.size() * (comm.size() - 1) / 2.0;
}

/// Even ranks wait in the order of starting, odd ranks backwards.
void waits_in_any_order(Comm& world) {
  std::vector<Pending> under_way;
  for (const int64_t count : lengths) {
    under_way.push_back(world.all_reduce(filled(count, world.rank()), "sum"));
    under_way.push_back(world.broadcast(filled(count, world.rank() + 5), 0, "root"));
  }
  const size_t total = under_way.size();
  for (size_t i = 0; i < total; ++i) {
    const size_t k = world.rank() % 2 == 0 ? i : total - 1 - i;
    const Tensor x = under_way[k].wait();
    expect_filled(x, lengths[k / 2], k % 2 == 0 ? total_of_ranks(world) : 5);
  }
}

/// Rank 0 waits before it starts the next; the others start all before they wait for the last: all must move.
void waits_that_hold_back(Comm& world) {
  const std::unique_ptr<Comm> other = world.split([](int) { return 0; });
  for (const int64_t count : lengths) {
    Pending first = world.all_reduce(filled(count, world.rank()), "first");
    if (world.rank() == 0) expect_filled(first.wait(), count, total_of_ranks(world));
    Pending second = other->all_reduce(filled(count, 2 * world.rank()), "second");
    expect_filled(second.wait(), count, 2 * total_of_ranks(world));
    if (world.rank() != 0) expect_filled(first.wait(), count, total_of_ranks(world));
  }
}

void two_communicators(Comm& world) {
  const std::unique_ptr<Comm> half = world.split([](int rank) { return rank % 2; });
  std::vector<Pending> worlds, halves;
  for (int round = 0; round < 5; ++round) {
    worlds.push_back(world.all_reduce(filled(100, round), "world"));
    halves.push_back(half->all_reduce(filled(100, 10 * round), "half"));
  }
  for (int round = 4; round >= 0; --round) {
    expect_filled(halves[round].wait(), 100, 10 * round * half->size());
    expect_filled(worlds[round].wait(), 100, round * world.size());
  }
}

/// The caller may drop its input at once, and a result may never be asked for.
void inputs_dropped(Comm& world) {
  for (int round = 0; round < 10; ++round) {
    Pending kept = world.all_gather(filled(5000, world.rank()), Counts(world.size(), 5000), "kept");
    { Pending dropped = world.all_reduce(filled(3000, 1), "dropped"); }
    const Tensor all = kept.wait();
    for (int r = 0; r < world.size(); ++r)
      ASSERT_EQ(all.const_data_ptr<double>()[r * 5000 + 4999], r);
  }
  world.barrier("end");
}

/// A long random program, the same on all ranks.
void many(Comm& world) {
  const int size = world.size(), me = world.rank();
  for (uint64_t step = 0; step < 400; ++step) {
    const auto count = static_cast<int64_t>(uniform(1, 2 * step) * 50) + 1;
    const auto round = static_cast<double>(step);
    switch (static_cast<int>(uniform(1, 2 * step + 1) * 4)) {
      case 0:
        expect_filled(world.all_reduce(filled(count, round), "a").wait(), count, round * size);
        break;
      case 1:
        expect_filled(world.broadcast(filled(count, me), size - 1, "b").wait(), count, size - 1);
        break;
      case 2:
        expect_filled(
            world.send_recv(filled(count, me), (me + 1) % size, (me + size - 1) % size, count, "c").wait(),
            count, (me + size - 1) % size);
        break;
      default:
        expect_filled(world.reduce_scatter(filled(count * size, 1), Counts(size, count), "d").wait(), count,
                      size);
    }
  }
}

void barrier(Comm& world) {
  if (world.size() == 1) return;
  using Clock = std::chrono::steady_clock;
  world.barrier("before");
  const Clock::time_point begin = Clock::now();
  const bool late = world.rank() == world.size() - 1;
  if (late) std::this_thread::sleep_for(std::chrono::milliseconds(200));
  world.barrier("after");
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  EXPECT_GT(seconds, 0.1);
}

}  // namespace

std::vector<ConformanceCase> order_cases() {
  return {{"waits_in_any_order", waits_in_any_order},
          {"waits_that_hold_back", waits_that_hold_back},
          {"two_communicators", two_communicators},
          {"inputs_dropped", inputs_dropped},
          {"many", many},
          {"barrier", barrier}};
}

}  // namespace seqvit::comm
