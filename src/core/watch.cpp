#include "core/watch.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/ranges.h>

#include "core/clock.h"
#include "core/error.h"
#include "core/stop.h"

namespace seqvit {
namespace {

using std::chrono::milliseconds;

constexpr auto kBetweenLooks = milliseconds(100);
/// Of the time between two looks no more counts: beyond it the process was stopped, or had no processor.
constexpr double kLongestLook = 0.5;

// Of the process: one thread is watched, and any may give a sign.
std::atomic<uint64_t> signs{0};
std::atomic<double> limit_seconds{600.0};
std::mutex phases_mutex;
std::vector<std::string> phases;
thread_local bool watched = false;

std::string phases_text() {
  const std::lock_guard lock(phases_mutex);
  return phases.empty() ? "start" : fmt::format("{}", fmt::join(phases, ": "));
}

}  // namespace

Phase::Phase(std::string name) {
  if (!watched) return;
  sign_of_life();
  const std::lock_guard lock(phases_mutex);
  phases.push_back(std::move(name));
}

Phase::~Phase() {
  if (!watched) return;
  sign_of_life();
  const std::lock_guard lock(phases_mutex);
  phases.pop_back();
}

void sign_of_life() {
  signs.fetch_add(1, std::memory_order_relaxed);
}

void set_watch_limit(double seconds) {
  limit_seconds = seconds;
}

struct Watch::Impl {
  std::atomic<int> rank{-1};
  std::mutex mutex;
  std::condition_variable_any ending;
  std::jthread thread;  // last: it ends before what it uses is destroyed

  std::string who() const { return rank < 0 ? "" : fmt::format("rank {}: ", rank.load()); }

  void run(const std::stop_token& stop) {
    uint64_t seen = signs;
    double silent = 0.0, looked = seconds_now();
    bool asked_to_stop = false;
    std::unique_lock lock(mutex);
    while (!ending.wait_for(lock, stop, kBetweenLooks, [&] { return stop.stop_requested(); })) {
      const double now = seconds_now();
      silent += std::min(now - std::exchange(looked, now), kLongestLook);
      if (const uint64_t count = signs; std::exchange(seen, count) != count) silent = 0.0;
      const double limit = limit_seconds;
      if (silent > limit) end(silent);
      // The job is being ended, maybe because others wait for this rank: the last moment to say where it
      // stands.
      if (!std::exchange(asked_to_stop, stop_requested()) && asked_to_stop && silent > limit / 2) {
        fmt::print(stderr, "seqvit: {}asked to stop after {:.3g} s without a sign of life in '{}'\n", who(),
                   silent, phases_text());
      }
    }
  }

  /// Neither buffers nor destructors nor MPI: the watched thread may hold their locks for ever.
  [[noreturn]] void end(double silent) const {
    fmt::print(
        stderr,
        "seqvit: error: {}no sign of life for {:.3g} s in '{}'; look at the machine and its file systems, or "
        "raise parallel.timeout_seconds if this work is only slow\n",
        who(), silent, phases_text());
    std::_Exit(static_cast<int>(Exit::communication));
  }
};

Watch::Watch() : impl_(std::make_unique<Impl>()) {
  check(!std::exchange(watched, true), "one watch a process");
  impl_->thread = std::jthread([impl = impl_.get()](const std::stop_token& stop) { impl->run(stop); });
}

Watch::~Watch() {
  watched = false;
}

void Watch::set_rank(int rank) {
  impl_->rank = rank;
}

}  // namespace seqvit
