#include "comm/call.h"

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "comm/comm.h"
#include "core/error.h"
#include "core/watch.h"

namespace seqvit::comm {
namespace {

// Of the process, not of a communicator: rank-threads all run the same step under the same limit.
std::atomic<int64_t> current_step{-1};
std::atomic<double> timeout_seconds{600.0};

constexpr size_t listed_ranks = 8;

}  // namespace

void set_comm_step(int64_t step) {
  current_step = step;
}
void set_comm_timeout(double seconds) {
  timeout_seconds = seconds;
  set_watch_limit(seconds);
}
double comm_timeout() {
  return timeout_seconds;
}

std::string describe(const Call& call) {
  static constexpr const char* names[] = {"all_gather", "reduce_scatter", "all_reduce", "all_to_all",
                                          "send_recv",  "broadcast",      "barrier",    "split"};
  const int64_t step = current_step;
  const std::string when = step < 0 ? "" : fmt::format(" at step {}", step);
  return fmt::format("{} '{}'{} over {} ranks", names[static_cast<int>(call.kind)], call.purpose, when,
                     call.size);
}

std::string list_ranks(const std::vector<int>& ranks) {
  if (ranks.empty()) return "an unknown rank";
  if (ranks.size() == 1) return fmt::format("rank {}", ranks[0]);
  const size_t shown = std::min(ranks.size() - 1, listed_ranks);
  std::string text = fmt::format("ranks {}", ranks[0]);
  for (size_t i = 1; i < shown; ++i)
    text += fmt::format(", {}", ranks[i]);
  if (shown + 1 == ranks.size()) return text + fmt::format(" and {}", ranks.back());
  return text + fmt::format(" and {} more", ranks.size() - shown);
}

void fail_timeout(const Call& call, double seconds, const std::vector<int>& missing) {
  fail(Exit::communication,
       "communication: {}: no answer from {} within {:g} s; look at the output and the machine there",
       describe(call), list_ranks(missing), seconds);
}

void fail_lost(const Call& call, const std::vector<int>& lost) {
  fail(Exit::communication,
       "communication: {}: {} ended; look at the output and the machine there, then resume from the last "
       "checkpoint",
       describe(call), list_ranks(lost));
}

void fail_mismatch(const Call& mine, int other_rank, const std::string& other) {
  fail(Exit::communication,
       "communication: {}: rank {} is at {}; all ranks must run the same program and configuration",
       describe(mine), other_rank, other);
}

}  // namespace seqvit::comm
