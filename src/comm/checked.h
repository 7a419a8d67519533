/// Base of communicators with more than one rank: arguments are checked and traffic is counted here, once, so
/// that every implementation refuses the same calls and reports the same bytes.
///
/// When to use it: derive from it; `start_*` then sees only valid arguments. Cost: well under a microsecond a
/// call.
///
/// Bytes do not depend on the algorithm (P ranks, own data never counts):
///   all_gather      bytes(mine) * (P - 1)
///   reduce_scatter  bytes(parts) - bytes(own part)
///   all_reduce      a reduce_scatter and an all_gather of `share_sizes(elements, P)`
///   all_to_all      the sum of send[r] over r != me
///   send_recv       bytes(x), 0 if it goes to oneself
///   broadcast       bytes(x) * (P - 1) at the root, 0 elsewhere
///   barrier, split  0
#pragma once

#include <memory>
#include <numeric>
#include <vector>

#include "comm/call.h"
#include "comm/comm.h"

namespace seqvit::comm {

/// Where the part of `rank` begins in a concatenation by rank.
inline int64_t offset(const Counts& counts, int rank) {
  return std::accumulate(counts.begin(), counts.begin() + rank, int64_t{0});
}

class CheckedComm : public Comm {
 public:
  int rank() const final { return rank_; }
  int size() const final { return static_cast<int>(members_.size()); }
  Pending all_gather(const Tensor& mine, const Counts& counts, const char* purpose) final;
  Pending reduce_scatter(const Tensor& parts, const Counts& counts, const char* purpose) final;
  Pending all_reduce(const Tensor& x, const char* purpose) final;
  Pending all_to_all(const Tensor& x, const Counts& send, const Counts& receive, const char* purpose) final;
  Pending send_recv(const Tensor& x, int to, int from, int64_t count, const char* purpose) final;
  Pending broadcast(const Tensor& x, int root, const char* purpose) final;
  void barrier(const char* purpose) final;
  std::unique_ptr<Comm> split(const Coloring& color_of) final;

 protected:
  /// `members[r]` is the rank in the whole job of rank r here.
  CheckedComm(int rank, std::vector<int> members) : rank_(rank), members_(std::move(members)) {}

  const std::vector<int>& members() const { return members_; }

 private:
  virtual Pending start_all_gather(const Call& call, const Tensor& mine, const Counts& counts) = 0;
  virtual Pending start_reduce_scatter(const Call& call, const Tensor& parts, const Counts& counts) = 0;
  virtual Pending start_all_reduce(const Call& call, const Tensor& x) = 0;
  virtual Pending start_all_to_all(const Call& call, const Tensor& x, const Counts& send,
                                   const Counts& receive) = 0;
  virtual Pending start_send_recv(const Call& call, const Tensor& x, int to, int from, int64_t count) = 0;
  virtual Pending start_broadcast(const Call& call, const Tensor& x, int root) = 0;
  /// Collective: everyone calls it, ranks that are alone too (their result is thrown away and may be null).
  /// `leader` is the first rank here of the new group and differs between groups.
  virtual std::unique_ptr<Comm> make_group(int leader, int rank, std::vector<int> members) = 0;

  /// Why a tensor or an answer is refused is said by check(): these are mistakes of ours, not of the user.
  void check_tensor(const Tensor& x) const;
  virtual void check_device(const Tensor&) const {}
  void check_counts(const Counts& counts, int64_t total) const;
  Call call(Kind kind, const char* purpose) const { return {kind, purpose, size()}; }

  int rank_;
  std::vector<int> members_;
};

}  // namespace seqvit::comm
