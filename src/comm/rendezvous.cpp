#include "comm/rendezvous.h"

#include <chrono>

#include "core/error.h"

namespace seqvit::comm {

std::shared_ptr<Meeting> Team::meeting(const Key& key, const Call& call, const std::vector<int>& expected) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<Meeting>& found = meetings_[key];
  if (!found) found = std::make_shared<Meeting>(call, expected);
  return found;
}

void Team::post(Meeting& meeting, size_t index, const Call& call, Post post) {
  const std::lock_guard lock(mutex_);
  for (size_t r = 0; r < meeting.posts.size(); ++r) {
    const Post& other = meeting.posts[r];
    if (!other.here) continue;
    if (meeting.call.kind != call.kind || meeting.call.purpose != call.purpose)
      fail_mismatch(call, meeting.expected[r], describe(meeting.call));
    if (other.agreed != post.agreed || other.data.scalar_type() != post.data.scalar_type())
      fail_mismatch(call, meeting.expected[r], "other sizes or another dtype");
    break;  // all that are here agree with each other
  }
  post.here = true;
  meeting.posts[index] = std::move(post);
  if (++meeting.come == meeting.posts.size()) meeting.complete.notify_all();
}

void Team::await(Meeting& meeting) {
  using Clock = std::chrono::steady_clock;
  std::unique_lock lock(mutex_);
  const auto all_here = [&] { return meeting.come == meeting.posts.size(); };
  if (all_here()) return;
  const double seconds = comm_timeout();
  const auto deadline =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  const auto decided = [&] { return all_here() || failure_ || !absent(meeting, true).empty(); };
  const bool in_time = meeting.complete.wait_until(lock, deadline, decided);
  if (all_here()) return;
  if (failure_) fail_lost(meeting.call, {failed_rank_});
  if (!in_time) fail_timeout(meeting.call, seconds, absent(meeting, false));
  fail_lost(meeting.call, absent(meeting, true));
}

void Team::leave(const Key& key, size_t readers) {
  std::shared_ptr<Meeting> last;  // freed after the lock: it may hold large tensors
  const std::lock_guard lock(mutex_);
  const auto found = meetings_.find(key);
  if (++found->second->left < readers) return;
  last = std::move(found->second);
  meetings_.erase(found);
}

int Team::group_number(const Key& key, int leader) {
  const std::lock_guard lock(mutex_);
  return groups_.try_emplace({key, leader}, static_cast<int>(groups_.size()) + 1).first->second;
}

void Team::fail(int rank, std::exception_ptr error) {
  const std::lock_guard lock(mutex_);
  if (failure_) return;
  failure_ = std::move(error);
  failed_rank_ = rank;
}

void Team::end(int rank) {
  const std::lock_guard lock(mutex_);
  ended_[rank] = true;
  for (const auto& [key, meeting] : meetings_)
    meeting->complete.notify_all();
}

std::vector<int> Team::absent(const Meeting& meeting, bool only_ended) const {
  std::vector<int> ranks;
  for (size_t i = 0; i < meeting.posts.size(); ++i) {
    const int rank = meeting.expected[i];
    if (!meeting.posts[i].here && (!only_ended || ended_[rank])) ranks.push_back(rank);
  }
  return ranks;
}

}  // namespace seqvit::comm
