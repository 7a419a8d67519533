// A phantom rank against the real one: sizes of what comes back, and bytes by purpose.
#include "comm/phantom.h"

#include <map>
#include <mutex>
#include <tuple>

#include <gtest/gtest.h>

#include "comm/mesh.h"
#include "comm/thread.h"
#include "core/error.h"
#include "core/partition.h"
#include "tensors.h"

namespace seqvit::comm {
namespace {

/// What can be seen of a communicator from outside: elements of each result, then bytes and calls by purpose.
using Seen = std::tuple<std::vector<int64_t>, std::map<std::string, std::pair<int64_t, int64_t>>>;

/// Every collective once, with shares that differ between ranks.
Seen run_all(Comm& comm) {
  const int size = comm.size(), me = comm.rank();
  const Counts shares = share_sizes(5 * size + 1, size);
  const auto some = [](int64_t count) { return make<float>(count, [](int64_t i) { return i; }); };
  const int next = (me + 1) % size, previous = (me + size - 1) % size;
  Counts send, receive;  // rank a sends b 1 + a + 2 b elements
  for (int r = 0; r < size; ++r)
    send.push_back(1 + me + 2 * r), receive.push_back(1 + r + 2 * me);
  std::vector<int64_t> sizes;
  const auto keep = [&](Pending pending) { sizes.push_back(pending.wait().numel()); };
  keep(comm.all_gather(some(shares[me]), shares, "gather"));
  keep(comm.reduce_scatter(some(sum(shares)), shares, "scatter"));
  keep(comm.all_reduce(some(7), "sum"));
  keep(comm.all_to_all(some(sum(send)), send, receive, "exchange"));
  keep(comm.send_recv(some(3 + me), next, previous, 3 + previous, "ring"));
  keep(comm.broadcast(some(4), size - 1, "root"));
  comm.barrier("barrier");
  std::map<std::string, std::pair<int64_t, int64_t>> traffic;
  for (const auto& [purpose, sent] : comm.traffic())
    traffic[purpose] = {sent.bytes, sent.calls};
  return {sizes, traffic};
}

TEST(Phantom, IsTheRealRankSeenFromOutside) {
  for (const int size : {2, 3, 8}) {
    std::vector<Seen> real(size);
    run_ranks(size, [&](Comm& world) { real[world.rank()] = run_all(world); });
    for (int rank = 0; rank < size; ++rank)
      EXPECT_EQ(run_all(*make_phantom_comm(size, rank)), real[rank]) << rank << " of " << size;
  }
}

/// Size and my rank of every communicator of a mesh.
std::vector<std::pair<int, int>> places(Comm& world) {
  Mesh mesh(world, 2, 2, 4, 2);
  const SequenceSplit& split = mesh.split_sequence(2);
  std::vector<std::pair<int, int>> all;
  for (const Comm* comm : {&mesh.pp(), &mesh.pp_line(0), &mesh.dp(), &mesh.sp(), &mesh.tp(), &mesh.data(),
                           &mesh.stage(), &mesh.tokens(), split.ulysses.get(), split.ring.get()})
    all.emplace_back(comm->size(), comm->rank());
  return all;
}

TEST(Phantom, StandsInAMeshWhereTheRealRankDoes) {
  std::vector<std::vector<std::pair<int, int>>> real(32);
  run_ranks(32, [&](Comm& world) { real[world.rank()] = places(world); });
  for (int rank = 0; rank < 32; ++rank)
    EXPECT_EQ(places(*make_phantom_comm(32, rank)), real[rank]) << rank;
}

TEST(Phantom, MakesNothingUpThatIsNotFinite) {
  const auto comm = make_phantom_comm(4, 1);
  const Tensor three = make<float>(3, [](int64_t i) { return 1 + i; });
  EXPECT_EQ(values<float>(comm->all_gather(three, {2, 3, 1, 2}, "gather").wait()),
            (std::vector<float>{1, 2, 3, 1, 2, 3, 1, 2}));
  EXPECT_EQ(values<float>(comm->reduce_scatter(three, {1, 2, 0, 0}, "scatter").wait()),
            (std::vector<float>{2, 3}));
  EXPECT_EQ(values<float>(comm->send_recv(three, 2, 0, 2, "ring").wait()), (std::vector<float>{0, 0}));
}

TEST(Phantom, OfALayoutThatHasNoSuchRankIsRefused) {
  EXPECT_THROW(make_phantom_comm(8, 8), Error);
  EXPECT_THROW(make_phantom_comm(8, -1), Error);
  EXPECT_EQ(make_phantom_comm(1, 0)->size(), 1);
}

}  // namespace
}  // namespace seqvit::comm
