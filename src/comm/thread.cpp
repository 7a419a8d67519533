#include "comm/thread.h"

#include <numeric>
#include <thread>
#include <vector>

#include "comm/checked.h"
#include "comm/elements.h"
#include "comm/rendezvous.h"
#include "core/error.h"

namespace seqvit::comm {
namespace {

Tensor copy(const Tensor& x) {
  Tensor result = flat_empty(x, x.numel());
  copy_elements(x, 0, result, 0, x.numel());
  return result;
}

/// Sum over ranks of `count` elements from `begin`, in the order of ranks.
Tensor sum_of_posts(const Meeting& meeting, int64_t begin, int64_t count) {
  Tensor sum = flat_empty(meeting.posts[0].data, count);
  copy_elements(meeting.posts[0].data, begin, sum, 0, count);
  for (size_t r = 1; r < meeting.posts.size(); ++r)
    add_elements(meeting.posts[r].data, begin, sum, 0, count);
  return sum;
}

class ThreadComm final : public CheckedComm {
 public:
  ThreadComm(std::shared_ptr<Team> team, int number, int rank, std::vector<int> members)
      : CheckedComm(rank, std::move(members)),
        team_(std::move(team)),
        number_(number),
        sent_(size(), 0),
        received_(size(), 0) {}

 private:
  /// Posts now; the Pending waits for everyone's post and picks from them.
  template <typename Pick>
  Pending meet(const Call& call, Post post, Pick pick) {
    const Team::Key key{number_, -1, -1, started_++};
    std::shared_ptr<Meeting> meeting = team_->meeting(key, call, members());
    team_->post(*meeting, rank(), call, std::move(post));
    return Pending([team = team_, key, meeting = std::move(meeting), pick = std::move(pick)] {
      team->await(*meeting);
      Tensor result = pick(*meeting);
      team->leave(key, meeting->posts.size());
      return result;
    });
  }

  Pending start_all_gather(const Call& call, const Tensor& mine, const Counts& counts) override {
    return meet(call, {copy(mine), counts}, [counts](const Meeting& meeting) {
      Tensor result = flat_empty(meeting.posts[0].data, total(counts));
      int64_t at = 0;
      for (size_t r = 0; r < counts.size(); at += counts[r], ++r)
        copy_elements(meeting.posts[r].data, 0, result, at, counts[r]);
      return result;
    });
  }

  Pending start_reduce_scatter(const Call& call, const Tensor& parts, const Counts& counts) override {
    const int64_t begin = offset(counts, rank()), mine = counts[rank()];
    return meet(call, {copy(parts), counts},
                [begin, mine](const Meeting& meeting) { return sum_of_posts(meeting, begin, mine); });
  }

  Pending start_all_reduce(const Call& call, const Tensor& x) override {
    return meet(call, {copy(x), {x.numel()}}, [](Meeting& meeting) {
      const int64_t count = meeting.posts[0].data.numel();
      std::call_once(meeting.summed, [&] { meeting.sum = sum_of_posts(meeting, 0, count); });
      return copy(meeting.sum);
    });
  }

  Pending start_all_to_all(const Call& call, const Tensor& x, const Counts& send,
                           const Counts& receive) override {
    return meet(call, {copy(x), {}, send}, [receive, me = rank()](const Meeting& meeting) {
      Tensor result = flat_empty(meeting.posts[0].data, total(receive));
      int64_t at = 0;
      for (size_t r = 0; r < receive.size(); at += receive[r], ++r) {
        const Post& post = meeting.posts[r];
        if (post.send[me] != receive[r])
          fail_mismatch(meeting.call, meeting.expected[r],
                        fmt::format("{} elements for me instead of {}", post.send[me], receive[r]));
        copy_elements(post.data, offset(post.send, me), result, at, receive[r]);
      }
      return result;
    });
  }

  Pending start_broadcast(const Call& call, const Tensor& x, int root) override {
    Tensor data = rank() == root ? copy(x) : flat_empty(x, 0);
    return meet(call, {std::move(data), {x.numel(), root}},
                [root](const Meeting& meeting) { return copy(meeting.posts[root].data); });
  }

  // Matched by pair of ranks rather than by number on the communicator, so that ranks which have nothing to
  // exchange (a pipeline's ends) need not take part.
  Pending start_send_recv(const Call& call, const Tensor& x, int to, int from, int64_t count) override {
    if (x.numel() > 0) {
      const Team::Key key{number_, rank(), to, sent_[to]++};
      team_->post(*team_->meeting(key, call, {members()[rank()]}), 0, call, {copy(x), {}});
    }
    if (count == 0) return Pending([empty = flat_empty(x, 0)] { return empty; });
    const Team::Key key{number_, from, rank(), received_[from]++};
    std::shared_ptr<Meeting> meeting = team_->meeting(key, call, {members()[from]});
    return Pending([team = team_, key, meeting = std::move(meeting), count, dtype = x.scalar_type()] {
      team->await(*meeting);
      Tensor result = std::move(meeting->posts[0].data);
      if (result.numel() != count || result.scalar_type() != dtype)
        fail_mismatch(
            meeting->call, meeting->expected[0],
            fmt::format("{} elements for me instead of {}, or another dtype", result.numel(), count));
      team->leave(key, 1);
      return result;
    });
  }

  std::unique_ptr<Comm> make_group(int leader, int rank, std::vector<int> members) override {
    const int number = team_->group_number({number_, -2, -2, splits_++}, leader);
    if (members.size() == 1) return nullptr;
    return std::make_unique<ThreadComm>(team_, number, rank, std::move(members));
  }

  std::shared_ptr<Team> team_;
  int number_;  // of this communicator in the team
  int64_t started_ = 0, splits_ = 0;
  std::vector<int64_t> sent_, received_;  // messages to and from each rank
};

}  // namespace

void run_ranks(int n, const std::function<void(Comm&)>& body) {
  check(n >= 1, "at least one rank");
  std::vector<int> members(n);
  std::iota(members.begin(), members.end(), 0);
  const auto team = std::make_shared<Team>(n);
  const auto run = [&](int rank) {
    try {
      const std::unique_ptr<Comm> comm =
          n == 1 ? make_self_comm() : std::make_unique<ThreadComm>(team, 0, rank, members);
      body(*comm);
    } catch (...) {
      team->fail(rank, std::current_exception());
    }
    team->end(rank);
  };
  {
    std::vector<std::jthread> threads;
    for (int rank = 0; rank < n; ++rank)
      threads.emplace_back(run, rank);
  }
  if (team->failure()) std::rethrow_exception(team->failure());
}

}  // namespace seqvit::comm
