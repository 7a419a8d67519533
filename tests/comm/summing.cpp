// Collectives that sum: exactly the sum in the order of ranks, bit for bit, whatever the implementation.
#include <cmath>

#include <gtest/gtest.h>

#include "conformance.h"
#include "core/partition.h"
#include "tensors.h"

namespace seqvit::comm {
namespace {

/// Values whose sum depends on the order in which it is made.
template <typename T>
T addend(int rank, int64_t i) {
  if constexpr (std::is_integral_v<T>) return static_cast<T>(rank * 1000 + i);
  return static_cast<T>(std::sin(1.7 * rank + 0.3 * static_cast<double>(i)) * std::pow(10.0, rank % 5));
}

template <typename T>
std::vector<T> sum_by_rank(int size, int64_t begin, int64_t end) {
  std::vector<T> result;
  for (int64_t i = begin; i < end; ++i) {
    T total = addend<T>(0, i);
    for (int r = 1; r < size; ++r)
      total += addend<T>(r, i);
    result.push_back(total);
  }
  return result;
}

template <typename T>
Tensor addends(Comm& world, int64_t count) {
  return make<T>(count, [&](int64_t i) { return addend<T>(world.rank(), i); });
}

template <typename T>
void all_reduce_of(Comm& world) {
  for (const int64_t count :
       {0, 1, 5, 1000, 5003}) {  // some less than ranks, some above the switch of MpiComm
    const Tensor total = world.all_reduce(addends<T>(world, count), "test").wait();
    EXPECT_EQ(values<T>(total), sum_by_rank<T>(world.size(), 0, count)) << count;
  }
}

void all_reduce(Comm& world) {
  all_reduce_of<float>(world);
  all_reduce_of<double>(world);
  all_reduce_of<int64_t>(world);
}

template <typename T>
void reduce_scatter_of(Comm& world, const Counts& counts) {
  int64_t begin = 0;
  for (int r = 0; r < world.rank(); ++r)
    begin += counts[r];
  const Tensor part = world.reduce_scatter(addends<T>(world, sum(counts)), counts, "test").wait();
  EXPECT_EQ(values<T>(part), sum_by_rank<T>(world.size(), begin, begin + counts[world.rank()]));
}

void reduce_scatter(Comm& world) {
  Counts some(world.size());
  for (int r = 0; r < world.size(); ++r)
    some[r] = r % 3 == 1 ? 0 : r + 2;
  for (const Counts& counts : {Counts(world.size(), 4), some, share_sizes(20'003, world.size())}) {
    reduce_scatter_of<float>(world, counts);
    reduce_scatter_of<double>(world, counts);
    reduce_scatter_of<int64_t>(world, counts);
  }
}

/// The input is the caller's again after wait, and results are not shared between ranks.
void results_are_own(Comm& world) {
  if (world.size() == 1) return;  // alone, the result is the input
  constexpr int64_t count = 3000;
  const Counts counts(world.size(), count);
  for (int round = 0; round < 20; ++round) {
    const auto value = static_cast<float>(1 + round);
    const auto check_and_spoil = [&](Tensor input, Pending pending, float expected) {
      Tensor result = pending.wait();
      std::fill_n(static_cast<float*>(input.data_ptr()), input.numel(), -1.0f);
      for (const float each : values<float>(result))
        ASSERT_EQ(each, expected);
      std::fill_n(static_cast<float*>(result.data_ptr()), result.numel(), -2.0f);
    };
    const auto filled = [&](int64_t n) { return make<float>(n, [&](int64_t) { return value; }); };
    const Tensor a = filled(count), b = filled(count), c = filled(count * world.size()), d = filled(count);
    check_and_spoil(a, world.all_reduce(a, "test"), value * static_cast<float>(world.size()));
    check_and_spoil(b, world.all_gather(b, counts, "test"), value);
    check_and_spoil(c, world.reduce_scatter(c, counts, "test"), value * static_cast<float>(world.size()));
    check_and_spoil(d, world.broadcast(d, 0, "test"), value);
  }
}

}  // namespace

std::vector<ConformanceCase> summing_cases() {
  return {
      {"all_reduce", all_reduce}, {"reduce_scatter", reduce_scatter}, {"results_are_own", results_are_own}};
}

}  // namespace seqvit::comm
