#include "parallel/exchange.h"

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/randn_like.h>
#include <gtest/gtest.h>

#include "comm/phantom.h"
#include "comm/thread.h"
#include "core/partition.h"
#include "ops/memory.h"

namespace seqvit::parallel {
namespace {

Shares shares_of(int64_t heads, int64_t tokens, int ranks) {
  return {share_sizes(heads, ranks), share_sizes(tokens, ranks)};
}

/// The part of [B, H, N, E] that a rank has before and after.
struct Parts {
  Tensor my_tokens, my_heads;
};
Parts parts_of(const Tensor& whole, const Shares& shares, int rank) {
  return {whole.split_with_sizes(shares.tokens, 2)[rank], whole.split_with_sizes(shares.heads, 1)[rank]};
}

/// Also where a rank has one head, a batch of one, whose strides say nothing, and tensors too large for all
/// of them, or two of them, to travel together.
TEST(Exchange, SwapsTokensForHeadsAndItsBackwardSwapsBack) {
  struct Case {
    int ranks;
    int64_t batch, tokens;
  };
  const int64_t in_message =
      2 * kMessageBytes / (8 * 7 * 3);  // tokens of a tensor that fills one, on two ranks
  for (const Case& c : std::vector<Case>{{1, 1, 10},
                                         {2, 2, 10},
                                         {3, 1, 10},
                                         {3, 2, 10},
                                         {4, 1, 11},
                                         {2, 1, in_message * 2 / 5},
                                         {2, 1, in_message}}) {
    SCOPED_TRACE(testing::Message() << c.ranks << " ranks, batch " << c.batch << ", tokens " << c.tokens);
    const Shares shares = shares_of(7, c.tokens, c.ranks);
    at::manual_seed(1);
    const Tensor a = at::randn({c.batch, 7, c.tokens, 3}, at::kDouble), b = at::randn_like(a),
                 weight = at::randn_like(a);
    comm::run_ranks(c.ranks, [&](comm::Comm& comm) {
      const Parts of_a = parts_of(a, shares, comm.rank()), of_b = parts_of(b, shares, comm.rank()),
                  of_weight = parts_of(weight, shares, comm.rank());
      Tensor mine = of_a.my_tokens.clone().requires_grad_();
      const auto whole = gather_tokens({mine, of_b.my_tokens, of_weight.my_tokens}, shares, comm, "test");
      EXPECT_TRUE(at::equal(whole[0], of_a.my_heads) && at::equal(whole[1], of_b.my_heads) &&
                  at::equal(whole[2], of_weight.my_heads));
      (whole[0] * of_weight.my_heads).sum().backward();
      EXPECT_TRUE(at::equal(mine.grad(), of_weight.my_tokens));

      mine = of_a.my_heads.clone().requires_grad_();
      const auto heads = gather_heads({mine, of_b.my_heads, of_weight.my_heads}, shares, comm, "test");
      EXPECT_TRUE(at::equal(heads[0], of_a.my_tokens) && at::equal(heads[1], of_b.my_tokens) &&
                  at::equal(heads[2], of_weight.my_tokens));
      (heads[0] * of_weight.my_tokens).sum().backward();
      EXPECT_TRUE(at::equal(mine.grad(), of_weight.my_heads));

      // What takes the place of that which arrived is sent from where it lies.
      if (c.ranks == 1) return;
      const auto there =
          gather_tokens({of_a.my_tokens, of_b.my_tokens, of_weight.my_tokens}, shares, comm, "test");
      there[0].mul_(2), there[1].mul_(3), there[2].mul_(4);
      const auto back = gather_heads(there, shares, comm, "test");
      EXPECT_TRUE(at::equal(back[0], of_a.my_tokens * 2) && at::equal(back[1], of_b.my_tokens * 3) &&
                  at::equal(back[2], of_weight.my_tokens * 4));
    });
  }
}

/// Beside its inputs an exchange holds its results and the messages of one group; results are messages, or
/// slices of a fused projection. Tensors that travel together, and those too large for it.
TEST(Exchange, HoldsNoMoreThanItsMessages) {
  ops::install_tensor_allocator();
  const auto comm = comm::make_phantom_comm(4, 1);
  const int64_t width = 6 * 64 * 4,
                fitting = kMessageBytes / width;  // tokens whose one tensor fills a message
  for (const int64_t tokens : {fitting / 8, fitting + 1024}) {
    const int64_t group = tokens < fitting ? 3 : 1;
    const Shares shares = shares_of(6, 4 * tokens, 4);
    const auto projection = at::randn({1, tokens, 3, 6, 64}).permute({2, 0, 3, 1, 4}).unbind(0);
    const int64_t mine = tokens * width;  // bytes of one tensor
    auto held = [&](const std::function<std::vector<Tensor>()>& exchange) {
      const int64_t before = ops::tensor_bytes();
      ops::reset_peak_tensor_bytes();
      const auto results = exchange();
      return std::pair{ops::peak_tensor_bytes() - before, results};
    };
    const auto [there, whole] = held([&] { return gather_tokens(projection, shares, *comm, "test"); });
    const int64_t arrived = whole[0].numel() * 4;
    EXPECT_NEAR(there, 3 * arrived + group * mine, mine / 20);
    const auto [back, heads] = held([&, &all = whole] { return gather_heads(all, shares, *comm, "test"); });
    EXPECT_NEAR(back, 3 * mine + group * mine, mine / 20);
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(heads[i].strides(), projection[i].strides());
      EXPECT_EQ(heads[i].data_ptr<float>() - heads[0].data_ptr<float>(),
                projection[i].data_ptr<float>() - projection[0].data_ptr<float>());
    }
    EXPECT_EQ(comm->traffic().at("test").calls, tokens < fitting ? 2 : 8);
  }
}

}  // namespace
}  // namespace seqvit::parallel
