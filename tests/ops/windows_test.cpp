#include "ops/windows.h"

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/col2im.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/im2col.h>
#include <ATen/ops/pad.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

namespace seqvit::ops {
namespace {

struct Case {
  int64_t rows, columns, patch;  ///< patches
  bool periodic;
};
const Case kCases[] = {{3, 4, 4, true}, {3, 4, 4, false}, {2, 3, 3, true}, {1, 2, 2, false}, {1, 1, 5, true}};

constexpr int64_t kBatch = 2, kFields = 3;

grid::Neighbourhood all_of(const Case& c) {
  return {grid::TokenGrid{c.rows, c.columns, 1, 1, 1}, c.periodic, 0, 1};
}

/// Fields [B, F, Y, X] as points of patches [B, S, F, p p].
Tensor points_of(const Tensor& fields, const Case& c) {
  return fields.view({kBatch, kFields, c.rows, c.patch, c.columns, c.patch})
      .permute({0, 2, 4, 1, 3, 5})
      .reshape({kBatch, c.rows * c.columns, kFields, c.patch * c.patch});
}

Tensor random_fields(const Case& c) {
  return at::randn({kBatch, kFields, c.rows * c.patch, c.columns * c.patch}, at::kDouble);
}

Tensor no_halo(const Case& c) {
  return at::empty({kBatch, 0, kFields, c.patch * c.patch}, at::kDouble);
}

TEST(Windows, AreCutFromTheGridWithItsEdgesGoneOn) {
  for (const Case& c : kCases) {
    const int64_t h = c.patch / 2, q = window_side(c.patch);
    const Tensor fields = random_fields(c).requires_grad_();
    const Tensor across = at::pad(fields, {h, h, 0, 0}, c.periodic ? "circular" : "replicate");
    const Tensor expected =
        at::im2col(at::pad(across, {0, 0, h, h}, "replicate"), {q, q}, {1, 1}, {0, 0}, {c.patch, c.patch})
            .transpose(1, 2)
            .unflatten(2, {kFields, q * q});
    const grid::Neighbourhood near = all_of(c);
    const Tensor found = WindowPoints(near, c.patch, at::kCPU).read({points_of(fields, c), no_halo(c)});
    EXPECT_TRUE(at::equal(found, expected)) << c.rows << " x " << c.columns << " of " << c.patch;

    const Tensor seed = at::randn(expected.sizes(), at::kDouble);
    (expected * seed).sum().backward();
    const Tensor gradient = fields.grad().clone();
    fields.mutable_grad().reset();
    (found * seed).sum().backward();
    EXPECT_TRUE(at::allclose(fields.grad(), gradient)) << c.rows << " x " << c.columns << " of " << c.patch;
  }
}

TEST(Windows, AddWhereTheyOverlapAndEndAtTheEdges) {
  for (const Case& c : kCases) {
    const int64_t h = c.patch / 2, q = window_side(c.patch), rows = c.rows * c.patch,
                  columns = c.columns * c.patch;
    const grid::Neighbourhood near = all_of(c);
    const Tensor windows = at::randn({kBatch, near.size(), kFields, q * q}, at::kDouble).requires_grad_();
    const Tensor written = at::col2im(windows.flatten(2).transpose(1, 2), {rows + 2 * h, columns + 2 * h},
                                      {q, q}, {1, 1}, {0, 0}, {c.patch, c.patch})
                               .narrow(2, h, rows);
    Tensor expected = written.narrow(3, h, columns);
    if (c.periodic) {
      const Tensor none = at::zeros({kBatch, kFields, rows, columns - h}, at::kDouble);
      expected = expected + at::cat({none, written.narrow(3, 0, h)}, 3) +
                 at::cat({written.narrow(3, h + columns, h), none}, 3);
    }
    const Tensor found = WindowPoints(near, c.patch, at::kCPU).add(windows).mine;
    EXPECT_TRUE(at::allclose(found, points_of(expected, c)));

    const Tensor seed = random_fields(c);
    (expected * seed).sum().backward();
    const Tensor gradient = windows.grad().clone();
    windows.mutable_grad().reset();
    (found * points_of(seed, c)).sum().backward();
    EXPECT_TRUE(at::allclose(windows.grad(), gradient));
  }
}

/// As GPUs find them, on the second of three ranks.
TEST(Windows, ByTablesAreTheSame) {
  for (const Case& c : {kCases[0], kCases[1]}) {
    const grid::Neighbourhood near(grid::TokenGrid{c.rows, c.columns, 1, 1, 1}, c.periodic, 1, 3);
    const WindowPoints direct(near, c.patch, at::kCPU),
        tables = WindowPoints::by_tables(near, c.patch, at::kCPU);
    const auto random = [&](int64_t units, int64_t side) {
      return at::randn({kBatch, units, kFields, side * side}, at::kDouble).requires_grad_();
    };
    const Tensor mine = random(near.size(), c.patch), halo = random(near.halo(), c.patch),
                 windows = random(near.size(), window_side(c.patch));
    const auto results = [&](const WindowPoints& by) {
      const Tensor read = by.read({mine, halo});
      const UnitPoints sums = by.add(windows);
      ((read * windows.detach()).sum() + (sums.mine * mine.detach()).sum() + sums.halo.square().sum())
          .backward();
      std::vector<Tensor> all = {read, sums.mine, sums.halo};
      for (const Tensor& of : {mine, halo, windows}) {
        all.push_back(of.grad().clone());
        of.mutable_grad().reset();
      }
      return all;
    };
    const auto expected = results(direct), found = results(tables);
    for (size_t i = 0; i < expected.size(); ++i)
      EXPECT_TRUE(at::allclose(found[i], expected[i], 1e-12, 1e-12)) << i;
  }
}

}  // namespace
}  // namespace seqvit::ops
