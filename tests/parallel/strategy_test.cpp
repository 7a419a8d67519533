/// Every strategy against local attention, and against its own formula for the elements it sends.
#include "parallel/strategy.h"

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include "comm/thread.h"
#include "core/partition.h"
#include "ops/attention.h"
#include "ops/gradients.h"
#include "ops/recompute.h"
#include "ops/split_heads.h"
#include "parallel/lss.h"
#include "parallel/ring.h"
#include "parallel/ulysses.h"

namespace seqvit::parallel {
namespace {

struct Case {
  Sequence sequence;
  int ranks;
  int64_t tokens, heads;
  int ulysses = 2;
};

std::string name_of(const Case& c) {
  return std::string(to_string(c.sequence)) + " on " + std::to_string(c.ranks) + ", " +
         std::to_string(c.tokens) + " tokens, " + std::to_string(c.heads) + " heads";
}

const Case kCases[] = {
    {Sequence::ulysses, 1, 12, 4},  {Sequence::ulysses, 4, 12, 4}, {Sequence::ulysses, 4, 13, 7},
    {Sequence::ulysses, 3, 11, 5},  {Sequence::lss, 4, 12, 4},     {Sequence::lss, 3, 11, 2},
    {Sequence::lss, 8, 13, 1},      {Sequence::lss_kv, 4, 12, 4},  {Sequence::lss_kv, 5, 13, 1},
    {Sequence::ring, 2, 12, 4},     {Sequence::ring, 4, 13, 3},    {Sequence::ring, 8, 11, 1},
    {Sequence::hybrid, 4, 12, 4},   {Sequence::hybrid, 8, 19, 3},  {Sequence::hybrid, 8, 16, 4, 4},
    {Sequence::hybrid, 6, 13, 3, 3}};

constexpr int64_t kBatch = 2, kHead = 4;

/// q, k, v are linear in u, so that `context` matters: q = u, k = 2 c, v = c^2 with c = context(u).
Tensor attend(const SequenceParallel& sequence, const Tensor& u_BLD, int64_t heads) {
  auto split = [&](const Tensor& t) { return t.view({t.size(0), t.size(1), heads, kHead}).transpose(1, 2); };
  const Tensor context = sequence.context(u_BLD);
  return sequence.attend(split(u_BLD), split(context * 2), split(context.square()))
      .transpose(1, 2)
      .flatten(2);
}

TEST(Strategy, EachGivesExactAttentionAndGradient) {
  for (const Case& c : kCases) {
    at::manual_seed(5);
    const Tensor u = at::randn({kBatch, c.tokens, c.heads * kHead}, at::kDouble).requires_grad_();
    const Tensor weight = at::randn({kBatch, c.tokens, c.heads * kHead}, at::kDouble);
    const Tensor expected = attend(*make_local_attention(), u, c.heads);
    (expected * weight).sum().backward();
    comm::run_ranks(c.ranks, [&](comm::Comm& world) {
      comm::Mesh mesh(world, 1, 1, c.ranks, 1);
      ParallelConfig config;
      config.sequence = c.sequence, config.ulysses = c.ulysses;
      const Range mine = share(c.tokens, world.rank(), c.ranks);
      const auto strategy = make_strategy(config, mesh, share_sizes(c.tokens, c.ranks));
      const Tensor my_u = u.detach().slice(1, mine.begin, mine.end).clone().requires_grad_();
      const Tensor out = attend(*strategy, my_u, c.heads);
      EXPECT_TRUE(at::allclose(out, expected.slice(1, mine.begin, mine.end), 1e-12, 1e-13)) << name_of(c);
      (out * weight.slice(1, mine.begin, mine.end)).sum().backward();
      EXPECT_TRUE(at::allclose(my_u.grad(), u.grad().slice(1, mine.begin, mine.end), 1e-11, 1e-12))
          << name_of(c);
    });
  }
}

/// Elements that the headers say a rank sends in one forward and backward, for even shares of N tokens of
/// width h.
int64_t formula(Sequence sequence, int64_t ranks, int64_t tokens, int64_t width) {
  const int64_t Nh = kBatch * tokens * width;
  switch (sequence) {
    case Sequence::ulysses:
      return 8 * Nh * (ranks - 1) / (ranks * ranks);
    case Sequence::lss:
      return 2 * Nh * (ranks - 1) / ranks;
    case Sequence::lss_kv:
      return 4 * Nh * (ranks - 1) / ranks;
    case Sequence::ring:
      return 6 * Nh * (ranks - 1) / ranks;
    case Sequence::hybrid:
      break;  // of two groups, see Mesh.* and Traffic.*
  }
  ADD_FAILURE() << "no formula for " << to_string(sequence);
  return 0;
}

TEST(Strategy, SendsWhatItsFormulaSays) {
  for (const Sequence sequence : {Sequence::ulysses, Sequence::lss, Sequence::lss_kv, Sequence::ring}) {
    for (const int ranks : {2, 4, 8}) {
      const int64_t tokens = 16, heads = 8;
      comm::run_ranks(ranks, [&](comm::Comm& world) {
        comm::Mesh mesh(world, 1, 1, ranks, 1);
        ParallelConfig config;
        config.sequence = sequence;
        const auto strategy = make_strategy(config, mesh, share_sizes(tokens, ranks));
        const Tensor u = at::randn({kBatch, tokens / ranks, heads * kHead}, at::kDouble).requires_grad_();
        attend(*strategy, u, heads).sum().backward();
        const auto traffic = mesh.traffic();
        const auto entry = traffic.find(to_string(sequence));
        ASSERT_NE(entry, traffic.end());
        EXPECT_EQ(entry->second.bytes, 8 * formula(sequence, ranks, tokens, heads * kHead))
            << to_string(sequence) << " " << ranks;
      });
    }
  }
}

/// Ulysses among U ranks over the N / R tokens of their group, and a ring of R ranks for the h / U columns of
/// its heads.
TEST(Strategy, HybridSendsTheSumOfItsParts) {
  const int64_t tokens = 32, heads = 8, width = heads * kHead;
  for (const auto& [u, r] : {std::pair{2, 2}, {2, 4}, {4, 2}, {8, 1}, {1, 4}}) {
    const int ulysses = u, ring = r, ranks = u * r;
    comm::run_ranks(ranks, [&](comm::Comm& world) {
      comm::Mesh mesh(world, 1, 1, ranks, 1);
      ParallelConfig config;
      config.sequence = Sequence::hybrid, config.ulysses = ulysses;
      const auto strategy = make_strategy(config, mesh, share_sizes(tokens, ranks));
      const Tensor x = at::randn({kBatch, tokens / ranks, width}, at::kDouble).requires_grad_();
      attend(*strategy, x, heads).sum().backward();
      const auto traffic = mesh.traffic();
      auto sent = [&](const char* purpose) {
        return traffic.contains(purpose) ? traffic.at(purpose).bytes : 0;
      };
      EXPECT_EQ(sent("ulysses"), 8 * formula(Sequence::ulysses, ulysses, tokens / ring, width))
          << ulysses << " x " << ring;
      EXPECT_EQ(sent("ring"), 8 * formula(Sequence::ring, ring, tokens, width / ulysses))
          << ulysses << " x " << ring;
    });
  }
}

/// In a part that runs again, gradients take the place of q, k and v where these have arrived, and go back
/// from there.
TEST(Ulysses, GradientsInPlaceOfWhatArrivedAreTheSame) {
  const int64_t tokens = 200, heads = 5, width = heads * 32;
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    for (const auto& [ranks, batch] : {std::pair{2, 1}, {3, 1}, {2, 2}, {3, 2}}) {
      SCOPED_TRACE(testing::Message() << type << ", " << ranks << " ranks, batch " << batch);
      at::manual_seed(7);
      const Tensor x = at::randn({batch, tokens, 3 * width}).to(type),
                   seed = at::randn({batch, tokens, width}).to(type);
      auto attend_with = [&](const SequenceParallel& sequence, const Tensor& in) {
        const auto qkv = ops::split_heads(in, 3, heads);
        return sequence.attend(qkv[0], qkv[1], qkv[2]).transpose(1, 2).flatten(2);
      };
      const Tensor whole = x.clone().requires_grad_();
      const auto exact = ops::with_gradients(attend_with(*make_local_attention(), whole), seed, {whole});
      const int size = ranks;
      comm::run_ranks(size, [&](comm::Comm& world) {
        const Range mine = share(tokens, world.rank(), size);
        auto of_mine = [&](const Tensor& t) { return t.slice(1, mine.begin, mine.end); };
        const auto ulysses = make_ulysses(world, share_sizes(tokens, size), make_local_attention());
        const Tensor my_x = of_mine(x).clone().requires_grad_();
        for (const Recompute mode : {Recompute::none, Recompute::full, Recompute::keep_attention}) {
          const Tensor y = ops::recompute(
              mode, [&](const Tensor& in) { return attend_with(*ulysses, in); }, my_x);
          const auto found = ops::with_gradients(y, of_mine(seed), {my_x});
          for (size_t i = 0; i < found.size(); ++i)
            EXPECT_TRUE(at::equal(found[i], of_mine(exact[i]))) << i << " " << to_string(mode);
        }
      });
    }
  }
}

TEST(Ring, ErrorInBf16DoesNotGrowWithRanks) {
  const int64_t tokens = 512, heads = 2;
  at::manual_seed(6);
  const Tensor u = at::randn({1, tokens, heads * kHead});
  const Tensor exact = attend(*make_local_attention(), u.to(at::kBFloat16).to(at::kDouble), heads);
  std::map<int, double> error;
  for (const int ranks : {2, 16}) {
    std::vector<Tensor> parts(ranks);
    comm::run_ranks(ranks, [&](comm::Comm& world) {
      const Range mine = share(tokens, world.rank(), ranks);
      const auto ring = make_ring(world, share_sizes(tokens, ranks));
      parts[world.rank()] =
          attend(*ring, u.slice(1, mine.begin, mine.end).to(at::kBFloat16), heads).to(at::kDouble);
    });
    error[ranks] = (at::cat(parts, 1) - exact).square().mean().sqrt().item<double>();
  }
  EXPECT_GT(error[2], 1e-5);
  EXPECT_LT(error[16], 1.1 * error[2]) << "2 ranks " << error[2] << ", 16 ranks " << error[16];
}

}  // namespace
}  // namespace seqvit::parallel
