#include "comm/checked.h"

#include <algorithm>

#include <ATen/ops/full.h>

#include "comm/elements.h"
#include "core/error.h"
#include "core/partition.h"

namespace seqvit::comm {
namespace {

Tensor one_number(int64_t value) {
  return at::full({1}, value, at::TensorOptions(at::kLong));
}

}  // namespace

void CheckedComm::check_tensor(const Tensor& x) const {
  check(x.defined() && x.dim() == 1 && x.is_contiguous(), "collectives take 1-D contiguous tensors");
  check_device(x);
}

void CheckedComm::check_counts(const Counts& counts, int64_t elements) const {
  check(static_cast<int>(counts.size()) == size(), "one count a rank");
  check(std::all_of(counts.begin(), counts.end(), [](int64_t n) { return n >= 0; }),
        "counts are not negative");
  check(total(counts) == elements, "counts add up to the tensor");
}

Pending CheckedComm::all_gather(const Tensor& mine, const Counts& counts, const char* purpose) {
  check_tensor(mine);
  check(static_cast<int>(counts.size()) == size() && counts[rank_] == mine.numel(),
        "counts[rank] is what I give");
  count(purpose, static_cast<int64_t>(mine.nbytes()) * (size() - 1));
  return start_all_gather(call(Kind::all_gather, purpose), mine, counts);
}

Pending CheckedComm::reduce_scatter(const Tensor& parts, const Counts& counts, const char* purpose) {
  check_tensor(parts);
  check_counts(counts, parts.numel());
  check(can_be_summed(parts.scalar_type()), "only float, double and int64 are summed; cast first");
  count(purpose, (parts.numel() - counts[rank_]) * static_cast<int64_t>(parts.element_size()));
  return start_reduce_scatter(call(Kind::reduce_scatter, purpose), parts, counts);
}

Pending CheckedComm::all_reduce(const Tensor& x, const char* purpose) {
  check_tensor(x);
  check(can_be_summed(x.scalar_type()), "only float, double and int64 are summed; cast first");
  const int64_t own = share(x.numel(), rank_, size()).size();
  count(purpose, (x.numel() - own + own * (size() - 1)) * static_cast<int64_t>(x.element_size()));
  return start_all_reduce(call(Kind::all_reduce, purpose), x);
}

Pending CheckedComm::all_to_all(const Tensor& x, const Counts& send, const Counts& receive,
                                const char* purpose) {
  check_tensor(x);
  check_counts(send, x.numel());
  check_counts(receive, total(receive));
  check(send[rank_] == receive[rank_], "what I send to myself is what I receive from myself");
  count(purpose, (x.numel() - send[rank_]) * static_cast<int64_t>(x.element_size()));
  return start_all_to_all(call(Kind::all_to_all, purpose), x, send, receive);
}

Pending CheckedComm::send_recv(const Tensor& x, int to, int from, int64_t received, const char* purpose) {
  check_tensor(x);
  check(to >= 0 && to < size() && from >= 0 && from < size(), "send_recv between ranks of the communicator");
  check(received >= 0, "counts are not negative");
  check((to == rank_ ? x.numel() : 0) == (from == rank_ ? received : 0),
        "what I send to myself I receive from myself");
  count(purpose, to == rank_ ? 0 : static_cast<int64_t>(x.nbytes()));
  return start_send_recv(call(Kind::send_recv, purpose), x, to, from, received);
}

Pending CheckedComm::broadcast(const Tensor& x, int root, const char* purpose) {
  check_tensor(x);
  check(root >= 0 && root < size(), "the root is a rank of the communicator");
  count(purpose, rank_ == root ? static_cast<int64_t>(x.nbytes()) * (size() - 1) : 0);
  return start_broadcast(call(Kind::broadcast, purpose), x, root);
}

void CheckedComm::barrier(const char* purpose) {
  count(purpose, 0);
  start_all_gather(call(Kind::barrier, purpose), one_number(0), Counts(size(), 1)).wait();
}

std::unique_ptr<Comm> CheckedComm::split(const Coloring& color_of) {
  // Everyone knows the groups. But all meet first, which has the time-out that the split of an MPI lacks.
  start_all_gather(call(Kind::split, "split"), one_number(0), Counts(size(), 1)).wait();
  const int color = color_of(rank_);
  std::vector<int> group;
  int leader = -1, rank = 0;
  for (int r = 0; r < size(); ++r) {
    if (color_of(r) != color) continue;
    if (leader < 0) leader = r;
    if (r == rank_) rank = static_cast<int>(group.size());
    group.push_back(members_[r]);
  }
  const bool alone = group.size() == 1;
  std::unique_ptr<Comm> made = make_group(leader, rank, std::move(group));
  return alone ? make_self_comm() : std::move(made);
}

}  // namespace seqvit::comm
