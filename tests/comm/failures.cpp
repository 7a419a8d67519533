// What must be refused or reported, on a communicator of its own, since one that has failed is of no more
// use.
#include <chrono>
#include <memory>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "conformance.h"
#include "core/error.h"
#include "tensors.h"

namespace seqvit::comm {
namespace {

Tensor ones(int64_t count) {
  return make<float>(count, [](int64_t) { return 1; });
}

Comm& make_doomed(Comm& world, const Coloring& color_of) {
  static std::mutex mutex;
  static std::vector<std::unique_ptr<Comm>> kept;
  std::unique_ptr<Comm> made = world.split(color_of);
  const std::lock_guard lock(mutex);
  return *kept.emplace_back(std::move(made));
}

/// The message of the Error(communication) that `action` throws.
template <typename F>
std::string communication_error(F action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Exit::communication) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

void expect_contains(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text << "\n  lacks: " << part;
}

/// The last rank does not come to a collective; all others say so.
template <typename F>
void last_rank_stays_away(Comm& world, const char* kind, F collective) {
  if (world.size() == 1) return;
  set_comm_timeout(0.3);
  set_comm_step(42);
  Comm& comm = make_doomed(world, [](int) { return 0; });
  const int last = world.size() - 1;
  if (world.rank() == last) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1500));
    return;
  }
  const auto begin = std::chrono::steady_clock::now();
  const std::string message = communication_error([&] { collective(comm); });
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  EXPECT_GT(seconds, 0.25);
  expect_contains(message, kind);
  expect_contains(message, "'zero' at step 42");
  expect_contains(message, fmt::format("over {} ranks", world.size()));
  expect_contains(message, fmt::format("from rank {} within 0.3 s", last));
  EXPECT_EQ(message.find('\n'), std::string::npos);
}

void timeout_small(Comm& world) {
  last_rank_stays_away(world, "all_reduce", [](Comm& comm) { comm.all_reduce(ones(3), "zero").wait(); });
}

void timeout_large(Comm& world) {
  last_rank_stays_away(world, "all_gather", [](Comm& comm) {
    comm.all_gather(ones(100'000), Counts(comm.size(), 100'000), "zero").wait();
  });
}

void timeout_barrier(Comm& world) {
  last_rank_stays_away(world, "barrier", [](Comm& comm) { comm.barrier("zero"); });
}

/// Members of a group are named by their rank in the world.
void timeout_names_world_rank(Comm& world) {
  const int size = world.size(), last = size - 1;
  if (size < 3) return;
  set_comm_timeout(0.3);
  Comm& without_first = make_doomed(world, [](int r) { return r > 0; });
  Comm& comm = make_doomed(without_first, [](int) { return 0; });
  if (world.rank() == last) std::this_thread::sleep_for(std::chrono::milliseconds(1000));
  if (world.rank() == 0 || world.rank() == last) return;
  expect_contains(communication_error([&] { comm.all_reduce(ones(1), "x").wait(); }),
                  fmt::format("rank {}", last));
}

template <typename F>
void rank_0_differs(Comm& world, F collective) {
  if (world.size() == 1) return;
  set_comm_timeout(0.5);
  Comm& comm = make_doomed(world, [](int) { return 0; });
  communication_error([&] { collective(comm, world.rank() == 0 ? 2 : 1); });
  std::this_thread::sleep_for(std::chrono::milliseconds(1000));  // the others are still at it
}

void different_sizes(Comm& world) {
  rank_0_differs(world, [](Comm& comm, int64_t count) {
    comm.all_gather(ones(count), Counts(comm.size(), count), "sizes").wait();
  });
}

void different_sums(Comm& world) {
  rank_0_differs(world, [](Comm& comm, int64_t count) { comm.all_reduce(ones(count), "sizes").wait(); });
}

/// Mistakes of ours are found before anything is sent.
void bad_arguments(Comm& world) {
  const int size = world.size();
  if (size == 1) return;
  const Tensor half = make<c10::BFloat16>(size, [](int64_t) { return 1; });
  const Counts one(size, 1), two(size, 2), few(size - 1, 1);
  EXPECT_THROW(world.all_reduce(half, "x"), Error);
  EXPECT_THROW(world.reduce_scatter(half, one, "x"), Error);
  EXPECT_THROW(world.all_gather(ones(1), two, "x"), Error);
  EXPECT_THROW(world.all_gather(ones(1), few, "x"), Error);
  EXPECT_THROW(world.reduce_scatter(ones(size), two, "x"), Error);
  EXPECT_THROW(world.all_to_all(ones(size), two, two, "x"), Error);
  EXPECT_THROW(world.all_to_all(ones(size), one, two, "x"), Error);
  EXPECT_THROW(world.all_reduce(ones(4).view({2, 2}), "x"), Error);
  EXPECT_THROW(world.all_reduce(ones(4).slice(0, 0, 4, 2), "x"), Error);
  EXPECT_THROW(world.broadcast(ones(1), size, "x"), Error);
  EXPECT_THROW(world.send_recv(ones(1), size, 0, 1, "x"), Error);
  EXPECT_EQ(world.traffic().count("x"), 0u);
  world.barrier("end");
}

}  // namespace

std::vector<ConformanceCase> failure_cases() {
  return {{"timeout_small", timeout_small},     {"timeout_large", timeout_large},
          {"timeout_barrier", timeout_barrier}, {"timeout_names_world_rank", timeout_names_world_rank},
          {"different_sizes", different_sizes}, {"different_sums", different_sums},
          {"bad_arguments", bad_arguments}};
}

}  // namespace seqvit::comm
