// Collectives that move elements: every dtype, equal and unequal counts, none at all, small and large.
#include <gtest/gtest.h>

#include "comm/checked.h"
#include "conformance.h"
#include "tensors.h"

namespace seqvit::comm {
namespace {

/// Equal counts, counts that differ, counts with nothing from some ranks, and nothing at all.
std::vector<Counts> shapes(int size) {
  Counts equal(size, 3), different(size), some(size), none(size, 0);
  for (int r = 0; r < size; ++r) {
    different[r] = 1 + r;
    some[r] = r % 3 == 1 ? 0 : r + 2;
  }
  return {equal, different, some, none};
}

template <typename T>
void all_gather_of(Comm& world) {
  for (const Counts& counts : shapes(world.size())) {
    const int me = world.rank();
    const Tensor mine = make<T>(counts[me], [&](int64_t i) { return mark(me, i); });
    std::vector<T> expected;
    for (int r = 0; r < world.size(); ++r)
      for (int64_t i = 0; i < counts[r]; ++i)
        expected.push_back(static_cast<T>(mark(r, i)));
    const Tensor all = world.all_gather(mine, counts, "test").wait();
    EXPECT_EQ(all.scalar_type(), mine.scalar_type());
    EXPECT_EQ(values<T>(all), expected);
  }
}

void all_gather(Comm& world) {
  all_gather_of<float>(world);
  all_gather_of<double>(world);
  all_gather_of<int64_t>(world);
  all_gather_of<c10::BFloat16>(world);
}

template <typename T>
void all_to_all_of(Comm& world, int64_t unit) {
  const int me = world.rank(), size = world.size();
  const auto amount = [&](int from, int to) { return (from + 2 * to) % 4 * unit; };  // sometimes nothing
  Counts send(size), receive(size);
  std::vector<T> outgoing, expected;
  for (int r = 0; r < size; ++r) {
    send[r] = amount(me, r);
    receive[r] = amount(r, me);
    for (int64_t i = 0; i < send[r]; ++i)
      outgoing.push_back(static_cast<T>(mark(me, i + 3 * r)));
    for (int64_t i = 0; i < receive[r]; ++i)
      expected.push_back(static_cast<T>(mark(r, i + 3 * me)));
  }
  const Tensor x = make<T>(sum(send), [&](int64_t i) { return outgoing[i]; });
  EXPECT_EQ(values<T>(world.all_to_all(x, send, receive, "test").wait()), expected);
}

void all_to_all(Comm& world) {
  all_to_all_of<float>(world, 1);
  all_to_all_of<double>(world, 5);
  all_to_all_of<int64_t>(world, 2);
  all_to_all_of<c10::BFloat16>(world, 3);
  all_to_all_of<float>(world, 0);
}

void broadcast(Comm& world) {
  for (int root = 0; root < world.size(); ++root) {
    for (const int64_t count : {0, 1, 100}) {
      const Tensor x = make<double>(count, [&](int64_t i) { return mark(world.rank(), i); });
      const Tensor expected = make<double>(count, [&](int64_t i) { return mark(root, i); });
      EXPECT_EQ(values<double>(world.broadcast(x, root, "test").wait()), values<double>(expected));
    }
  }
}

void send_recv_ring(Comm& world) {
  const int me = world.rank(), size = world.size();
  for (int shift = 0; shift < size; ++shift) {  // 0: to oneself
    const int to = (me + shift) % size, from = (me + size - shift) % size;
    const Tensor x = make<c10::BFloat16>(me + 1, [&](int64_t i) { return mark(me, i); });
    const Tensor y = world.send_recv(x, to, from, from + 1, "test").wait();
    EXPECT_EQ(values<c10::BFloat16>(y),
              values<c10::BFloat16>(make<c10::BFloat16>(from + 1, [&](int64_t i) { return mark(from, i); })));
  }
}

/// Down a line of ranks, as in a pipeline: the ends do less, and ranks differ in how often they call.
void send_recv_line(Comm& world) {
  const int me = world.rank(), size = world.size();
  if (size == 1) return;
  const Tensor nothing = make<float>(0, [](int64_t) { return 0; });
  for (int round = 0; round < 3; ++round) {
    float value = 0;
    if (me > 0) value = world.send_recv(nothing, me, me - 1, 1, "line").wait().const_data_ptr<float>()[0];
    EXPECT_EQ(value, static_cast<float>(me * (round + 1)));
    value += static_cast<float>(round + 1);
    if (me + 1 < size)
      world.send_recv(make<float>(1, [&](int64_t) { return value; }), me + 1, me, 0, "line").wait();
  }
  world.barrier("end");  // numbering of collectives is not disturbed
}

/// Above MPI's switch from eager messages to those that wait for the receiver.
void large(Comm& world) {
  const int me = world.rank(), size = world.size();
  const int64_t count = 150'001;
  const auto value = [](int rank, int64_t i) {
    return static_cast<double>(rank) * 1e6 + static_cast<double>(i);
  };
  const Tensor mine = make<double>(count, [&](int64_t i) { return value(me, i); });
  Pending gathering = world.all_gather(mine, Counts(size, count), "test");
  Pending moving = world.send_recv(mine, (me + 1) % size, (me + size - 1) % size, count, "test");
  const Tensor all = gathering.wait(), moved = moving.wait();
  ASSERT_EQ(all.numel(), count * size);
  for (int r = 0; r < size; ++r)
    for (const int64_t i : {int64_t{0}, count / 2, count - 1})
      EXPECT_EQ(all.const_data_ptr<double>()[r * count + i], value(r, i));
  EXPECT_EQ(moved.const_data_ptr<double>()[count - 1], value((me + size - 1) % size, count - 1));
  const Tensor back = world.all_to_all(all, Counts(size, count), Counts(size, count), "test").wait();
  for (int r = 0; r < size; ++r)
    EXPECT_EQ(back.const_data_ptr<double>()[r * count + 7], value(me, 7));
}

/// The bytes of comm/checked.h, computed here anew.
void traffic(Comm& world) {
  const std::unique_ptr<Comm> comm = world.split([](int) { return 0; });  // has counted nothing so far
  const int me = comm->rank(), size = comm->size();
  Counts counts(size);
  for (int r = 0; r < size; ++r)
    counts[r] = 2 * r + 1;
  const Tensor mine = make<float>(counts[me], [](int64_t i) { return i; });
  const Tensor parts = make<float>(sum(counts), [](int64_t i) { return i; });
  const Tensor seven = make<double>(7, [](int64_t i) { return i; });
  comm->all_gather(mine, counts, "gather").wait();
  comm->reduce_scatter(parts, counts, "scatter").wait();
  comm->all_reduce(seven, "reduce").wait();
  comm->all_to_all(parts, counts, Counts(size, counts[me]), "exchange").wait();
  comm->send_recv(seven, (me + 1) % size, (me + size - 1) % size, 7, "shift").wait();
  comm->send_recv(seven, me, me, 7, "shift").wait();
  comm->broadcast(seven, size - 1, "root").wait();
  comm->barrier("barrier");
  const int64_t own = counts[me], share = 7 / size + (me < 7 % size ? 1 : 0);
  const auto bytes = [&](const char* purpose) { return comm->traffic().at(purpose).bytes; };
  EXPECT_EQ(bytes("gather"), 4 * own * (size - 1));
  EXPECT_EQ(bytes("scatter"), 4 * (sum(counts) - own));
  EXPECT_EQ(bytes("reduce"), 8 * (7 - share + share * (size - 1)));
  EXPECT_EQ(bytes("exchange"), 4 * (sum(counts) - own));
  EXPECT_EQ(bytes("shift"), size == 1 ? 0 : 56);
  EXPECT_EQ(comm->traffic().at("shift").calls, 2);
  EXPECT_EQ(bytes("root"), me == size - 1 ? 56 * (size - 1) : 0);
  EXPECT_EQ(bytes("barrier"), 0);
  EXPECT_EQ(comm->traffic().at("barrier").calls, 1);
}

}  // namespace

std::vector<ConformanceCase> moving_cases() {
  return {{"all_gather", all_gather},
          {"all_to_all", all_to_all},
          {"broadcast", broadcast},
          {"send_recv_ring", send_recv_ring},
          {"send_recv_line", send_recv_line},
          {"large", large},
          {"traffic", traffic}};
}

}  // namespace seqvit::comm
