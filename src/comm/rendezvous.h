/// Where rank-threads meet: a post from each participant, and a wait until all have come.
///
/// When to use it: by the thread communicator only. One Team serves all communicators of a `run_ranks`, so
/// that the failure of a rank is seen by whoever waits for anything. Cost: one mutex for all (critical
/// sections of a map look-up), one condition variable a meeting, notified once, by the last to come.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>
#include <vector>

#include "comm/call.h"
#include "comm/comm.h"

namespace seqvit::comm {

/// What one rank brings. `agreed` must be the same on all ranks.
struct Post {
  Tensor data;
  Counts agreed;
  Counts send;  ///< all_to_all: elements for each rank
  bool here = false;
};

/// One collective (or one message) under way. Posts do not change once all have come.
struct Meeting {
  Meeting(Call what, std::vector<int> expected_ranks)
      : call(std::move(what)), expected(std::move(expected_ranks)), posts(expected.size()) {}

  Call call;
  std::vector<int> expected;  ///< who posts, as ranks of the job
  std::vector<Post> posts;
  size_t come = 0, left = 0;
  std::condition_variable complete;
  std::once_flag summed;  ///< all_reduce: the first to wait sums for all
  Tensor sum;
};

class Team {
 public:
  /// Communicator, ranks there of a message's sender and receiver (-1: a collective), and number in order of
  /// start.
  using Key = std::tuple<int, int, int, int64_t>;

  explicit Team(int size) : ended_(size, false) {}

  /// The meeting `key`, made by whoever comes first.
  std::shared_ptr<Meeting> meeting(const Key& key, const Call& call, const std::vector<int>& expected);
  /// Leaves a post at place `index`; throws Error(communication) if the others there run another collective.
  void post(Meeting& meeting, size_t index, const Call& call, Post post);
  /// Returns when all have posted; throws Error(communication) when that can or does not happen.
  void await(Meeting& meeting);
  /// `readers` ranks call this when they have what they need; the last one frees the posts.
  void leave(const Key& key, size_t readers);

  /// The number of a communicator that is made by meeting `key` for the group led by `leader`.
  int group_number(const Key& key, int leader);

  /// Keeps the first failure; `end` must follow.
  void fail(int rank, std::exception_ptr error);
  /// The rank comes no more: wakes whoever waits for it.
  void end(int rank);
  std::exception_ptr failure() const { return failure_; }

 private:
  std::vector<int> absent(const Meeting& meeting, bool only_ended) const;

  std::mutex mutex_;
  std::map<Key, std::shared_ptr<Meeting>> meetings_;
  std::map<std::pair<Key, int>, int> groups_;
  std::vector<bool> ended_;
  std::exception_ptr failure_;
  int failed_rank_ = -1;
};

}  // namespace seqvit::comm
