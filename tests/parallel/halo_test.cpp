/// Neighbours' tokens over ranks, and the layer that reads them, against one rank.
#include "parallel/halo.h"

#include <cmath>
#include <vector>

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include "comm/thread.h"
#include "parallel/depthwise.h"

namespace seqvit::parallel {
namespace {

/// Shares of a row, of half a row, of several ranks in a row, and between the variables of a patch.
struct Case {
  grid::TokenGrid grid;
  bool periodic;
  int ranks;
};
const Case kCases[] = {{{6, 8, 1, 1, 1}, true, 1},   {{6, 8, 1, 1, 1}, true, 6},  {{6, 8, 1, 1, 1}, true, 12},
                       {{6, 8, 1, 1, 1}, false, 12}, {{3, 10, 1, 1, 1}, true, 9}, {{4, 5, 1, 3, 1}, true, 7},
                       {{4, 5, 1, 3, 1}, false, 7},  {{4, 6, 1, 2, 2}, true, 5},  {{1, 12, 1, 1, 1}, true, 4},
                       {{12, 1, 1, 1, 1}, false, 5}};

Tensor my_units(const Tensor& whole, const Case& c, int rank) {
  const Range mine = share(c.grid.units(), rank, c.ranks);
  return whole.slice(1, mine.begin, mine.end);
}

grid::Neighbourhood near_of(const Case& c, int rank) {
  return {c.grid, c.periodic, rank, c.ranks};
}

/// Of all units, those that a rank's halo holds.
std::vector<int64_t> halo_units(const Case& c, int rank) {
  std::vector<int64_t> units;
  const grid::Neighbourhood mine = near_of(c, rank);
  for (const auto& peer : mine.peers()) {
    const auto theirs = near_of(c, static_cast<int>(peer.rank));
    for (const auto& back : theirs.peers()) {
      for (const int64_t unit : back.gives) {
        if (back.rank == rank) units.push_back(share(c.grid.units(), peer.rank, c.ranks).begin + unit);
      }
    }
  }
  return units;
}

TEST(Halo, GathersNeighboursAndItsBackwardAddsWhatComesHome) {
  for (const Case& c : kCases) {
    at::manual_seed(1);
    const Tensor whole = at::randn({2, c.grid.units(), 3}, at::kDouble);
    Tensor home = at::zeros_like(whole);  // what all ranks' halos weigh together
    std::vector<Tensor> weights;
    for (int rank = 0; rank < c.ranks; ++rank) {
      const auto units = halo_units(c, rank);
      weights.push_back(at::randn({2, static_cast<int64_t>(units.size()), 3}, at::kDouble));
      for (size_t i = 0; i < units.size(); ++i)
        home.select(1, units[i]).add_(weights.back().select(1, static_cast<int64_t>(i)));
    }
    comm::run_ranks(c.ranks, [&](comm::Comm& comm) {
      const Halo halo(comm, near_of(c, comm.rank()));
      const Tensor x = my_units(whole, c, comm.rank()).clone().requires_grad_(),
                   weight = weights[comm.rank()];
      const Tensor others = halo.gather(x);
      ASSERT_EQ(others.sizes(), weight.sizes());
      const auto units = halo_units(c, comm.rank());
      for (size_t i = 0; i < units.size(); ++i)
        EXPECT_TRUE(at::equal(others.select(1, static_cast<int64_t>(i)), whole.select(1, units[i])));
      ((others * weight).sum() + x.sum()).backward();
      EXPECT_TRUE(at::allclose(x.grad(), my_units(home, c, comm.rank()) + 1.0));

      // The mirror image.
      const Tensor mine = weight.clone().requires_grad_();
      const Tensor sum = halo.give_back(mine);
      EXPECT_TRUE(at::allclose(sum, my_units(home, c, comm.rank())));
      if (c.ranks == 1) return;
      (sum * x.detach()).sum().backward();
      EXPECT_TRUE(at::equal(mine.grad(), others.detach()));
    });
  }
}

TEST(Halo, SendsWhatItSays) {
  for (const Case& c : kCases) {
    comm::run_ranks(c.ranks, [&](comm::Comm& comm) {
      const Halo halo(comm, near_of(c, comm.rank()));
      int64_t gives = 0;
      for (const auto& peer : halo.near().peers())
        gives += std::ssize(peer.gives);
      halo.gather(at::randn({2, halo.near().size(), 3}));
      const auto sent = [&] { return c.ranks == 1 ? 0 : comm.traffic().at("halo").bytes; };
      EXPECT_EQ(sent(), 2 * gives * 3 * 4);
      halo.give_back(at::randn({2, halo.near().halo(), 3}));
      EXPECT_EQ(sent(), 2 * (gives + halo.near().halo()) * 3 * 4);
    });
  }
}

struct LayerResult {
  Tensor y, grad_x, grad_weight, grad_bias;
};

/// The depthwise layer on a rank's tokens; gradients of weights are sums over ranks.
LayerResult run_layer(const Case& c, comm::Comm& comm, const Tensor& x, const Tensor& seed) {
  const auto self = comm::make_self_comm();
  const Peers peers(make_local_attention(), *self, {x.size(1)}, Halo(comm, near_of(c, comm.rank())));
  const Sharding sharding{.data = &comm, .stage = 0, .compute = at::kDouble, .master = at::kDouble};
  BlockParams params("block", sharding, sharding, peers);
  const Depthwise layer(params, peers, "local", x.size(2));
  params.seal();
  params.whole().load([](const Param& param, Range elements, const Tensor& out) {
    for (int64_t i = elements.begin; i < elements.end; ++i)
      out[i - elements.begin] = std::sin(static_cast<double>(7 * i + param.size()));
  });
  const Tensor mine = x.clone().requires_grad_();
  Tensor y;
  {
    const auto weights = params.gather();
    y = layer(mine);
    (y * seed).sum().backward();
  }
  params.whole().finish_gradients();
  const Tensor gradient = params.whole().sections()[1].gradient;
  const int64_t width = x.size(2);
  return {y.detach(), mine.grad(), gradient.slice(0, 0, 9 * width), gradient.slice(0, 9 * width)};
}

TEST(Depthwise, OverRanksIsThatOfOne) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(testing::Message() << c.ranks << " ranks, periodic " << c.periodic);
    at::manual_seed(2);
    const int64_t per_unit = c.grid.tokens_per_unit;
    const Tensor whole = at::randn({2, c.grid.tokens(), 5}, at::kDouble),
                 seed = at::randn({2, c.grid.tokens(), 5}, at::kDouble);
    const Case alone{c.grid, c.periodic, 1};
    const auto self = comm::make_self_comm();
    const LayerResult expected = run_layer(alone, *self, whole, seed);
    EXPECT_GT((expected.y - whole).abs().max().item<double>(), 0.1);
    comm::run_ranks(c.ranks, [&](comm::Comm& comm) {
      const Range units = share(c.grid.units(), comm.rank(), c.ranks);
      const auto mine = [&](const Tensor& t) {
        return t.slice(1, units.begin * per_unit, units.end * per_unit);
      };
      const LayerResult found = run_layer(c, comm, mine(whole), mine(seed));
      EXPECT_TRUE(at::allclose(found.y, mine(expected.y), 1e-12, 1e-13));
      EXPECT_TRUE(at::allclose(found.grad_x, mine(expected.grad_x), 1e-12, 1e-13));
      EXPECT_TRUE(at::allclose(found.grad_weight, expected.grad_weight, 1e-12, 1e-12));
      EXPECT_TRUE(at::allclose(found.grad_bias, expected.grad_bias, 1e-12, 1e-12));
    });
  }
}

}  // namespace
}  // namespace seqvit::parallel
