#include "comm/mpi_comm.h"

#include <numeric>
#include <utility>
#include <vector>

#include "comm/checked.h"
#include "comm/elements.h"
#include "comm/mpi.h"
#include "core/error.h"
#include "core/partition.h"
#include "core/watch.h"

namespace seqvit::comm {
namespace {

constexpr int64_t small_all_reduce_bytes = 8192;  // below, one round of messages beats half the volume
// 32767 is the largest tag that every MPI has; so many collectives may be under way on a communicator.
constexpr int message_tag = 32767;
constexpr int64_t collective_tags = 32767;

Bytes all_of(const Tensor& x) {
  return {static_cast<char*>(x.data_ptr()), x.nbytes()};
}

/// Consecutive blocks of x, counts[r] elements for rank r.
Blocks blocks_of(const Tensor& x, const Counts& counts) {
  Blocks blocks;
  Bytes rest = all_of(x);
  for (const int64_t count : counts) {
    blocks.push_back(rest.first(count * x.element_size()));
    rest = rest.subspan(blocks.back().size());
  }
  return blocks;
}

/// to[to_index + i] = the sum of all blocks' element i, in the order of ranks.
void sum_blocks(const Tensor& blocks, int64_t count, const Tensor& to, int64_t to_index) {
  copy_elements(blocks, 0, to, to_index, count);
  for (int64_t at = count; at < blocks.numel(); at += count)
    add_elements(blocks, at, to, to_index, count);
}

class MpiComm final : public CheckedComm {
 public:
  MpiComm(std::shared_ptr<Channel> channel, int rank, std::vector<int> members)
      : CheckedComm(rank, std::move(members)), channel_(std::move(channel)) {}

 private:
  using Started = std::shared_ptr<Operation>;

  void check_device(const Tensor& x) const override { check(x.is_cpu(), "MPI takes tensors in host memory"); }

  Started make(const Call& call, int tag, const Tensor& input, Tensor result) {
    auto op = std::make_shared<Operation>(call, channel_, members(), rank(), tag);
    op->in_use = {input, result};
    op->result = std::move(result);
    return op;
  }
  Started make_collective(const Call& call, const Tensor& input, Tensor result) {
    const auto tag = static_cast<int>(started_++ % collective_tags);
    return make(call, tag, input, std::move(result));
  }
  Blocks same_for_all(const Tensor& x) const { return Blocks(size(), all_of(x)); }

  Pending start_all_gather(const Call& call, const Tensor& mine, const Counts& counts) override {
    const Started op = make_collective(call, mine, flat_empty(mine, total(counts)));
    op->exchange(same_for_all(mine), blocks_of(op->result, counts));
    return start(op);
  }

  Pending start_reduce_scatter(const Call& call, const Tensor& parts, const Counts& counts) override {
    const int64_t mine = counts[rank()];
    const Started op = make_collective(call, parts, flat_empty(parts, mine));
    const Tensor received = flat_empty(parts, mine * size());
    op->next = [received, mine](Operation& o) { sum_blocks(received, mine, o.result, 0); };
    op->exchange(blocks_of(parts, counts), blocks_of(received, Counts(size(), mine)));
    return start(op);
  }

  Pending start_all_reduce(const Call& call, const Tensor& x) override {
    const bool small = static_cast<int64_t>(x.nbytes()) <= small_all_reduce_bytes;
    const Counts shares = small ? Counts(size(), x.numel()) : share_sizes(x.numel(), size());
    const int64_t mine = shares[rank()], begin = small ? 0 : share(x.numel(), rank(), size()).begin;
    const Started op = make_collective(call, x, flat_empty(x, x.numel()));
    const Tensor received = flat_empty(x, mine * size());
    op->next = [=, me = rank()](Operation& o) {
      sum_blocks(received, mine, o.result, begin);
      if (small) return;
      const Blocks sums = blocks_of(o.result, shares);
      o.exchange(Blocks(shares.size(), sums[me]), sums);
    };
    op->exchange(small ? same_for_all(x) : blocks_of(x, shares), blocks_of(received, Counts(size(), mine)));
    return start(op);
  }

  Pending start_all_to_all(const Call& call, const Tensor& x, const Counts& send,
                           const Counts& receive) override {
    const Started op = make_collective(call, x, flat_empty(x, total(receive)));
    op->exchange(blocks_of(x, send), blocks_of(op->result, receive));
    return start(op);
  }

  Pending start_broadcast(const Call& call, const Tensor& x, int root) override {
    const Started op = make_collective(call, x, flat_empty(x, x.numel()));
    Blocks incoming(size());
    incoming[root] = all_of(op->result);
    op->exchange(rank() == root ? same_for_all(x) : Blocks(size()), incoming);
    return start(op);
  }

  // One tag for all: MPI keeps the order of messages between two ranks, and ranks that exchange nothing need
  // not call.
  Pending start_send_recv(const Call& call, const Tensor& x, int to, int from, int64_t count) override {
    const Started op = make(call, message_tag, x, flat_empty(x, count));
    op->receive(from, all_of(op->result));
    op->send(to, all_of(x));
    return start(op);
  }

  std::unique_ptr<Comm> make_group(int leader, int rank, std::vector<int> members) override {
    std::shared_ptr<Channel> made = split_channel(*channel_, members.size() == 1 ? -1 : leader, rank);
    return made ? std::make_unique<MpiComm>(std::move(made), rank, std::move(members)) : nullptr;
  }

  std::shared_ptr<Channel> channel_;
  int64_t started_ = 0;
};

}  // namespace

std::unique_ptr<Comm> make_mpi_world() {
  const Phase phase("waiting for all ranks to join MPI");
  int rank = 0, size = 0;
  std::shared_ptr<Channel> channel = join_mpi(rank, size);
  if (size == 1) return make_self_comm();
  std::vector<int> members(size);
  std::iota(members.begin(), members.end(), 0);
  return std::make_unique<MpiComm>(std::move(channel), rank, std::move(members));
}

}  // namespace seqvit::comm
