#include "parallel/param.h"

#include <mutex>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "comm/thread.h"
#include "ops/recompute.h"
#include "support/errors.h"

namespace seqvit::parallel {
namespace {

/// A group of two matrices and a vector that no number of ranks divides.
struct Fixture {
  Fixture(comm::Comm& comm, int stage, at::ScalarType compute = at::kDouble,
          at::ScalarType master = at::kDouble)
      : group("g", {&comm, stage, compute, master}) {
    auto counting = [](float start) {
      return [start](std::span<float> out, int64_t first) {
        for (size_t i = 0; i < out.size(); ++i)
          out[i] = start + static_cast<float>(first) + static_cast<float>(i);
      };
    };
    a = group.add("a", {3, 4}, ParamKind::matrix, counting(0));
    b = group.add("b", {5, 1}, ParamKind::matrix, counting(100));
    c = group.add("c", {7}, ParamKind::vector, counting(200));
    group.seal();
  }
  ParamGroup group;
  const Param *a, *b, *c;
};

TEST(ParamGroup, AllStagesReadTheSameWeightsAndSumTheSameGradients) {
  for (const int stage : {0, 1, 2, 3}) {
    for (const int ranks : {1, 2, 3, 5}) {
      comm::run_ranks(ranks, [&](comm::Comm& comm) {
        Fixture f(comm, stage);
        for (int micro = 0; micro < 2; ++micro) {
          const auto weights = f.group.gather();
          EXPECT_TRUE(at::equal((**f.a).detach(), at::arange(12, at::kDouble).view({3, 4})));
          EXPECT_TRUE(at::equal((**f.c).detach(), at::arange(200, 207, at::kDouble)));
          // Ranks and micro-batches contribute differently; b contributes nothing.
          const double factor = comm.rank() + 1 + 10 * micro;
          ((**f.a).square().sum() * factor + (**f.c).sum() * factor).backward();
        }
        f.group.finish_gradients();
        const double sum = ranks * (ranks + 1) + 10.0 * ranks;  // of the factors
        for (const Section& section : f.group.sections()) {
          EXPECT_EQ(section.gradient.sizes(), section.weight.sizes());
          for_each_slice(section, section.mine, [&](const Param& param, Range elements, int64_t offset) {
            const Tensor found = section.gradient.narrow(0, offset, elements.size());
            Tensor expected = at::zeros({elements.size()}, at::kDouble);
            if (&param == f.a) expected = 2 * sum * at::arange(elements.begin, elements.end, at::kDouble);
            if (&param == f.c) expected = expected + sum;
            EXPECT_TRUE(at::allclose(found, expected))
                << param.name() << " stage " << stage << " ranks " << ranks;
          });
        }
        f.group.publish_weights();
      });
    }
  }
}

TEST(ParamGroup, PublishesUpdatedSharesToEveryRank) {
  for (const int stage : {0, 1, 2, 3}) {
    comm::run_ranks(3, [&](comm::Comm& comm) {
      Fixture f(comm, stage);
      for (Section& section : f.group.sections()) {
        const at::NoGradGuard no_grad;
        section.weight.add_(1000.0);
      }
      f.group.publish_weights();
      const auto weights = f.group.gather();
      EXPECT_TRUE(at::equal((**f.b).detach(), at::arange(1100, 1105, at::kDouble).view({5, 1})));
    });
  }
}

TEST(ParamGroup, MatricesAreReadInTheComputeTypeAndGradientsKeptInTheMasterType) {
  comm::run_ranks(2, [](comm::Comm& comm) {
    Fixture f(comm, 3, at::kBFloat16, at::kFloat);
    {
      const auto weights = f.group.gather();
      EXPECT_EQ((**f.a).scalar_type(), at::kBFloat16);
      EXPECT_EQ((**f.c).scalar_type(), at::kFloat);
      ((**f.a).sum().to(at::kFloat) + (**f.c).sum()).backward();
    }
    for (const Section& section : f.group.sections())
      EXPECT_EQ(section.gradient.scalar_type(), at::kFloat);
  });
}

TEST(ParamGroup, ReadingOutsideGatherIsABug) {
  const auto comm = comm::make_self_comm();
  Fixture f(*comm, 3);
  expect_error(Exit::bug, {"outside"}, [&] { (**f.a).sum(); });
  { const auto weights = f.group.gather(); }
  expect_error(Exit::bug, {"outside"}, [&] { (**f.a).sum(); });
}

TEST(ParamGroup, PrefetchedWeightsAreTheSame) {
  comm::run_ranks(3, [](comm::Comm& comm) {
    Fixture f(comm, 3);
    f.group.prefetch();
    f.group.prefetch();
    const auto weights = f.group.gather();
    EXPECT_TRUE(at::equal((**f.a).detach(), at::arange(12, at::kDouble).view({3, 4})));
  });
}

/// While a part gathers its weights those of the next are on their way: forward the one behind it, in
/// backward of a part that runs again the one before.
TEST(ParamGroup, GatheringFetchesAhead) {
  comm::run_ranks(2, [](comm::Comm& comm) {
    Fixture first(comm, 3), second(comm, 3), third(comm, 3);
    fetch_ahead(std::vector<std::vector<ParamGroup*>>{{&first.group}, {&second.group}, {&third.group}});
    const auto coming = [](Fixture& f) { return f.group.sections()[0].coming.has_value(); };
    const auto run = [&](const Tensor& x) {
      const auto weights = second.group.gather();
      return x * (**second.a).sum();
    };
    const Tensor y = ops::recompute(Recompute::full, run, at::ones({2}, at::kDouble).requires_grad_());
    EXPECT_FALSE(coming(first));
    EXPECT_TRUE(coming(third));
    y.sum().backward();
    EXPECT_TRUE(coming(first));
    for (Fixture* f : {&first, &third})  // so that no message stays on its way
      const auto weights = f->group.gather();
  });
}

/// A rank that holds part of a weight starts from, and trains, the same elements as one that holds all.
TEST(ParamGroup, ASliceIsThatPartOfTheWhole) {
  const auto comm = comm::make_self_comm();
  const Sharding sharding{comm.get(), 0, at::kDouble, at::kDouble};
  ParamGroup whole("g", sharding), part("g", sharding);
  const Init init = init_truncated_normal(1.0, 7, "g.a");
  const Param* a = whole.add("a", {6, 4}, ParamKind::matrix, init);
  const Param* rows = part.add("a", {6, 4}, ParamKind::matrix, init, {0, 3, {1, 2}});
  const Param* columns = part.add("b", {6, 4}, ParamKind::matrix, init, {1, 1, {1, 3}});
  whole.seal();
  part.seal();
  const auto of_whole = whole.gather(), of_part = part.gather();
  EXPECT_TRUE(at::equal(**rows, (**a).view({3, 2, 4}).select(1, 1)));
  EXPECT_TRUE(at::equal(**columns, (**a).slice(1, 1, 3)));
  EXPECT_EQ(columns->whole_shape(), a->shape());
  EXPECT_EQ(columns->size(), 12);
}

}  // namespace
}  // namespace seqvit::parallel
