#include "parallel/collectives.h"

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include "comm/thread.h"
#include "core/partition.h"

namespace seqvit::parallel {
namespace {

/// My part of a whole tensor along dim.
Tensor part(const Tensor& whole, int64_t dim, const comm::Counts& counts, int rank) {
  int64_t begin = 0;
  for (int r = 0; r < rank; ++r)
    begin += counts[r];
  return whole.narrow(dim, begin, counts[rank]);
}

TEST(AllGather, GathersAndItsBackwardSumsOverRanks) {
  for (const int ranks : {1, 2, 3, 4}) {
    const comm::Counts tokens = share_sizes(10, ranks);
    at::manual_seed(2);
    const Tensor a = at::randn({2, 10, 3}, at::kDouble), b = at::randn({2, 10, 4}, at::kDouble);
    const Tensor weight = at::randn({ranks, 2, 10, 3}, at::kDouble);
    comm::run_ranks(ranks, [&](comm::Comm& comm) {
      const int me = comm.rank();
      const Tensor mine = part(a, 1, tokens, me).clone().requires_grad_();
      const auto out = all_gather({mine, part(b, 1, tokens, me)}, 1, tokens, comm, "test");
      EXPECT_TRUE(at::equal(out[0], a));
      EXPECT_TRUE(at::equal(out[1], b));
      (out[0] * weight[me]).sum().backward();
      EXPECT_TRUE(at::allclose(mine.grad(), part(weight.sum(0), 1, tokens, me), 1e-14, 1e-14));
    });
  }
}

TEST(AllGather, SumsBf16GradientsInFp32) {
  comm::run_ranks(8, [](comm::Comm& comm) {
    const Tensor mine = at::ones({1, 1, 1}, at::kBFloat16).requires_grad_();
    const Tensor out = all_gather({mine}, 1, comm::Counts(8, 1), comm, "test")[0];
    // 256 + 7 x 1: adding one by one in bf16 would stay at 256.
    (out.to(at::kFloat).sum() * (comm.rank() == 0 ? 256.0 : 1.0)).backward();
    EXPECT_EQ(mine.grad().item<float>(), 264.0F);
  });
}

TEST(ReduceScatter, SumsAndItsBackwardGathers) {
  for (const int ranks : {1, 2, 3, 4}) {
    const comm::Counts tokens = share_sizes(10, ranks);
    at::manual_seed(3);
    const Tensor x = at::randn({ranks, 2, 10, 3}, at::kDouble), weight = at::randn({2, 10, 3}, at::kDouble);
    comm::run_ranks(ranks, [&](comm::Comm& comm) {
      const int me = comm.rank();
      const Tensor mine = x[me].clone().requires_grad_();
      for (const bool unread : {false, true}) {
        const Tensor sum = reduce_scatter(mine, 1, tokens, comm, "test", unread);
        ASSERT_EQ(sum.sizes(), part(x[0], 1, tokens, me).sizes());
        EXPECT_TRUE(unread || at::allclose(sum, part(x.sum(0), 1, tokens, me)));
        (sum * part(weight, 1, tokens, me)).sum().backward();
        EXPECT_TRUE(at::equal(mine.grad(), weight));
        mine.mutable_grad().reset();
      }
      // Parts in bf16 are summed in fp32.
      const Tensor exact =
          reduce_scatter(at::full({1, 10, 1}, 1.0 + me / 128.0, at::kBFloat16), 1, tokens, comm, "test");
      EXPECT_EQ(exact.scalar_type(), at::kFloat);
      EXPECT_TRUE(at::allclose(exact, at::full_like(exact, ranks + ranks * (ranks - 1) / 256.0), 0, 1e-6));
    });
  }
}

}  // namespace
}  // namespace seqvit::parallel
