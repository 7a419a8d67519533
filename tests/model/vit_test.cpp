#include "model/vit.h"

#include <cmath>
#include <numbers>
#include <set>

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/roll.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include "core/random.h"
#include "model/finite_difference.h"
#include "model/rotary.h"

namespace seqvit::model {
namespace {

ModelShape small_shape(Tokens tokens) {
  ModelShape shape;
  shape.rows = 5, shape.columns = 7, shape.groups = single_inputs(3), shape.targets = {0, 2},
  shape.conditions = 4;
  shape.config.patch_size = 2, shape.config.tokens = tokens;
  shape.config.aggregated_tokens = tokens == Tokens::aggregated ? 2 : 1;
  shape.config.embed_dim = 8, shape.config.depth = 2, shape.config.num_heads = 2, shape.config.mlp_ratio = 2;
  return shape;
}

struct Fixture {
  explicit Fixture(const ModelShape& shape, Recompute recompute = Recompute::none,
                   at::ScalarType compute = at::kDouble, at::ScalarType master = at::kDouble)
      : comm(comm::make_self_comm()),
        peers(parallel::make_local_attention(), *comm, {shape.token_grid().tokens()},
              parallel::Halo(*comm, grid::Neighbourhood(shape.token_grid(), shape.periodic, 0, 1))),
        layout{grid::make_slab(shape.token_grid(), 0, 1),
               &peers,
               {comm.get(), 0, compute, master},
               {comm.get(), 0, compute, master},
               {{0, shape.config.depth}}},
        vit(shape, layout, MemoryConfig{.recompute = recompute}) {}
  std::unique_ptr<comm::Comm> comm;
  parallel::Peers peers;
  ModelLayout layout;
  Vit vit;
};

/// Some numbers for each sample.
Tensor condition(const Tensor& fields) {
  return at::arange(4.0, fields.options()).sin().expand({fields.size(0), 4});
}
/// With noise behind them, other noise for each.
Tensor condition(const Tensor& fields, const ModelShape& shape) {
  const int64_t batch = fields.size(0), noise = shape.config.noise_dim;
  const Tensor drawn = at::arange(static_cast<double>(batch * noise), fields.options()).mul(1.7).cos();
  return at::cat({condition(fields), drawn.view({batch, noise})}, 1);
}

const Tokens kTokens[] = {Tokens::joint, Tokens::variable, Tokens::aggregated};

TEST(Vit, PredictsTargetsOnTheGrid) {
  for (const Tokens tokens : kTokens) {
    Fixture f(small_shape(tokens));
    EXPECT_EQ(
        f.vit.forward(at::randn({2, 3, 5, 7}, at::kDouble), at::randn({2, 4}, at::kDouble)).sizes().vec(),
        (std::vector<int64_t>{2, 2, 5, 7}));
    EXPECT_TRUE(at::equal(owned_points(small_shape(tokens), f.layout.slab), at::ones({2, 5, 7}, at::kBool)));
  }
}

/// A token answers to the inputs of its group, as the sum of their own tokens: the groups {a, c, e}, {b} and
/// {d}, the last two filled up.
TEST(Vit, ATokenIsTheSumOverItsGroup) {
  ModelShape shape = small_shape(Tokens::variable);
  shape.groups = single_inputs(5);
  const auto change = [&] {
    Fixture f(shape);
    Embed embed(shape, f.layout, Recompute::none);
    at::manual_seed(2);
    const Tensor fields = at::randn({2, 5, 5, 7}, at::kDouble), none = at::zeros_like(fields);
    return (embed.forward(fields, condition(fields)) - embed.forward(none, condition(fields)))
        .view({2, 12, shape.tokens_per_patch(), 8});
  };
  const Tensor alone = change();
  shape.groups = {0, 1, 0, 2, 0};
  const Tensor together = change();
  const auto sum = [&](const std::vector<int64_t>& inputs) {
    return alone.index_select(2, at::tensor(inputs, at::kLong)).sum(2);
  };
  EXPECT_GT(sum({1}).abs().min().item<double>(), 0);
  EXPECT_TRUE(at::allclose(together.select(2, 0), sum({0, 2, 4})));
  EXPECT_TRUE(at::allclose(together.select(2, 1), sum({1})));
  EXPECT_TRUE(at::allclose(together.select(2, 2), sum({3})));
}

/// Fixed positions are what learned ones start from.
TEST(Vit, FixedPositionsAreTheTable) {
  for (const Tokens tokens : kTokens) {
    ModelShape shape = small_shape(tokens);
    Fixture learned(shape);
    shape.config.positions = Positions::fixed;
    Fixture fixed(shape);
    const Tensor fields = at::randn({2, 3, 5, 7}, at::kDouble);
    EXPECT_TRUE(at::allclose(learned.vit.forward(fields, condition(fields)),
                             fixed.vit.forward(fields, condition(fields))));
    EXPECT_EQ(learned.vit.groups()[0]->sections()[1].size - fixed.vit.groups()[0]->sections()[1].size,
              12 * 8);
  }
}

/// With the parts that read and write neighbours.
ModelShape local_shape(Tokens tokens, bool periodic) {
  ModelShape shape = small_shape(tokens);
  shape.config.local = Local::depthwise;
  shape.config.embed_overlap = shape.config.head_overlap = true;
  shape.periodic = periodic;
  return shape;
}

void expect_finite_differences(const ModelShape& shape, Recompute recompute = Recompute::keep_attention) {
  Fixture f(shape, recompute);
  at::manual_seed(4);
  const Tensor fields = at::randn({2, 3, 5, 7}, at::kDouble), weight = at::randn({2, 2, 5, 7}, at::kDouble);
  auto loss = [&] { return (f.vit.forward(fields, condition(fields, shape)) * weight).sum(); };
  // Weights of 0.02 leave the softmax flat and some gradients tiny: make them larger.
  for (parallel::ParamGroup* group : f.vit.groups()) {
    group->load([](const parallel::Param&, Range, const Tensor& out) {
      out.copy_(at::randn(out.sizes(), at::kDouble) * 0.4);
    });
  }
  loss().backward();
  int64_t params = 0, checked = 0;
  for (parallel::ParamGroup* group : f.vit.groups()) {
    group->finish_gradients();
    for (parallel::Section& section : group->sections()) {
      parallel::for_each_slice(
          section, section.mine, [&](const parallel::Param& param, Range elements, int64_t offset) {
            ++params;
            for (int64_t pick = 0; pick < std::min<int64_t>(elements.size(), 3); ++pick) {
              const int64_t i = offset + permuted(9, pick, elements.size());
              const std::string name = param.name() + "[" + std::to_string(i) + "]";
              checked += expect_gradient(section, i, loss, name) ? 1 : 0;
            }
          });
    }
  }
  EXPECT_GT(params, 30);
  EXPECT_GT(checked, 2 * params);  // most of the gradients compared are not zero
}

TEST(Vit, EveryGradientMatchesFiniteDifferences) {
  for (const Tokens tokens : kTokens) {
    expect_finite_differences(small_shape(tokens));
    expect_finite_differences(local_shape(tokens, false));
    expect_finite_differences(local_shape(tokens, true));
    ModelShape turned = small_shape(tokens);
    turned.config.rotary = turned.config.qk_norm = true;
    expect_finite_differences(turned);
    ModelShape noisy = small_shape(tokens);
    noisy.config.noise_dim = 3;
    expect_finite_differences(noisy);
    expect_finite_differences(noisy, Recompute::none);
  }
}

/// Noise changes nothing at first, and every sample by its own afterwards.
TEST(Vit, StartsAsWithoutNoise) {
  ModelShape shape = small_shape(Tokens::joint);
  Fixture without(shape);
  shape.config.noise_dim = 3;
  Fixture with(shape);
  at::manual_seed(6);
  const Tensor fields = at::randn({1, 3, 5, 7}, at::kDouble).expand({2, -1, -1, -1}),
               told = condition(fields, shape);
  const Tensor expected = without.vit.forward(fields, condition(fields));
  EXPECT_TRUE(at::equal(with.vit.forward(fields, told), expected));
  for (parallel::ParamGroup* group : with.vit.groups()) {
    group->load([](const parallel::Param& param, Range, const Tensor& out) {
      if (param.name().ends_with("noise.fc2.weight")) out.copy_(at::randn(out.sizes(), at::kDouble));
    });
  }
  const Tensor found = with.vit.forward(fields, told);
  EXPECT_FALSE(at::allclose(found[0], found[1]));
  const Tensor other = with.vit.forward(fields.flip(0), told.flip(0));
  EXPECT_TRUE(at::allclose(other[0], found[1], 1e-12, 1e-12));
}

/// Depthwise layers start at zero.
TEST(Vit, StartsAsWithoutDepthwiseLayers) {
  for (const Tokens tokens : kTokens) {
    ModelShape shape = small_shape(tokens);
    Fixture without(shape);
    shape.config.local = Local::depthwise;
    Fixture with(shape);
    const Tensor fields = at::randn({2, 3, 5, 7}, at::kDouble);
    EXPECT_TRUE(at::equal(without.vit.forward(fields, condition(fields)),
                          with.vit.forward(fields, condition(fields))));
  }
}

TEST(Vit, RecomputationChangesNothing) {
  ModelShape shape = local_shape(Tokens::joint, true);
  shape.config.rotary = shape.config.qk_norm = true;
  const Tensor fields = at::randn({2, 3, 5, 7}, at::kDouble);
  std::vector<std::vector<Tensor>> gradients;
  for (const Recompute mode : {Recompute::none, Recompute::full, Recompute::keep_attention}) {
    Fixture f(shape, mode);
    f.vit.forward(fields, condition(fields)).square().sum().backward();
    gradients.emplace_back();
    for (parallel::ParamGroup* group : f.vit.groups()) {
      group->finish_gradients();
      for (const parallel::Section& section : group->sections())
        gradients.back().push_back(section.gradient);
    }
  }
  for (size_t i = 0; i < gradients[0].size(); ++i) {
    EXPECT_TRUE(at::allclose(gradients[0][i], gradients[1][i], 1e-12, 1e-14));
    EXPECT_TRUE(at::allclose(gradients[0][i], gradients[2][i], 1e-12, 1e-14));
  }
}

/// A globe of 6 x 12 points, patches of 2: rolled by whole patches, inputs and forecasts roll alike, if
/// nothing but rotary positions says where a token is.
TEST(Vit, RotaryPositionsGoRoundTheGlobe) {
  for (const auto& [tokens, waves] : {std::pair{Tokens::joint, 32}, {Tokens::variable, 3}}) {
    ModelShape shape = small_shape(tokens);
    shape.rows = 6, shape.columns = 12;
    shape.config.rotary = true, shape.config.rotary_waves = waves, shape.config.embed_dim = 16;
    Fixture f(shape);
    at::manual_seed(12);
    for (parallel::ParamGroup* group : f.vit.groups()) {
      group->load([](const parallel::Param& param, Range, const Tensor& out) {
        out.copy_(at::randn(out.sizes(), at::kDouble) * 0.4);
        if (param.name() == "pos_embed") out.zero_();
      });
    }
    const Tensor fields = at::randn({2, 3, 6, 12}, at::kDouble);
    const Tensor out = f.vit.forward(fields, condition(fields));
    const auto rolls_alike = [&](int64_t shift, int64_t dim) {
      const Tensor rolled = at::roll(fields, {shift}, {dim});
      return at::allclose(f.vit.forward(rolled, condition(rolled)), at::roll(out, {shift}, {dim}), 1e-10,
                          1e-11);
    };
    EXPECT_TRUE(rolls_alike(2, 3) && rolls_alike(4, 3) && rolls_alike(10, 3));
    EXPECT_FALSE(rolls_alike(1, 3)) << "not a whole patch";
    EXPECT_FALSE(rolls_alike(2, 2)) << "latitudes do not go round";
  }
}

TEST(Vit, ZeroAnd360DegreesAreOnePlace) {
  ModelShape shape = small_shape(Tokens::joint);
  shape.config.rotary = true, shape.config.embed_dim = 32, shape.config.patch_size = 1;
  const auto columns = [&](double from) {
    shape.longitude.clear();
    for (int x = 0; x < 7; ++x)
      shape.longitude.push_back(from + 51.25 * x);
    return rotation_of(shape, Fixture(shape).layout)->columns;
  };
  EXPECT_TRUE(at::equal(columns(0.0), columns(360.0)));
  EXPECT_TRUE(at::allclose(columns(0.0), columns(-360.0), 0, 1e-12));
  EXPECT_FALSE(at::allclose(columns(0.0), columns(180.0), 0, 0.1));
}

TEST(Vit, RotaryPositionsAreOfPlacesNotOfPatches) {
  EXPECT_EQ(rotary_wavenumbers(8, 32), (std::vector<int64_t>{1, 2, 3, 4, 7, 12, 20, 32}));
  EXPECT_EQ(rotary_wavenumbers(4, 2), (std::vector<int64_t>{1, 2, 3, 4}));
  EXPECT_EQ(rotary_wavenumbers(1, 32), (std::vector<int64_t>{1}));
  ModelShape shape = small_shape(Tokens::joint);
  shape.config.rotary = true, shape.config.embed_dim = 32;
  const auto tables = [&](int64_t points, int64_t patch) {
    shape.rows = shape.columns = points, shape.config.patch_size = patch;
    shape.latitude.clear(), shape.longitude.clear();
    for (int64_t i = 0; i < points; ++i) {
      const double place = (static_cast<double>(i) + 0.5) / static_cast<double>(points);
      shape.latitude.push_back(60.0 - 40.0 * place), shape.longitude.push_back(-10.0 + 50.0 * place);
    }
    return rotation_of(shape, Fixture(shape).layout).value();
  };
  const ops::Rotation coarse = tables(8, 2), fine = tables(16, 4), finer = tables(16, 2);
  EXPECT_TRUE(at::allclose(coarse.rows, fine.rows) && at::allclose(coarse.columns, fine.columns))
      << "patches of one size in degrees, of twice the points";
  EXPECT_EQ(finer.rows.size(0), 8);
  const double centre = (60.0 - 2.5) * 3 * std::numbers::pi / 180.0;  // half-way down the first of 8 patches
  EXPECT_NEAR(finer.rows[0][1].item<double>(), std::cos(centre), 1e-12) << "wavenumbers 1, 3, 10 and 32";
  EXPECT_NEAR(finer.rows[0][4 + 1].item<double>(), std::sin(centre), 1e-12);
}

TEST(Vit, SameInputGivesTheSameBytesTwice) {
  for (const auto compute : {at::kFloat, at::kBFloat16}) {
    Fixture f(small_shape(Tokens::variable), Recompute::none, compute, at::kFloat);
    const Tensor fields = at::randn({2, 3, 5, 7});
    EXPECT_TRUE(
        at::equal(f.vit.forward(fields, condition(fields)), f.vit.forward(fields, condition(fields))));
  }
}

TEST(Vit, Bf16IsNearFp32) {
  ModelShape shape = small_shape(Tokens::joint);
  shape.config.rotary = shape.config.qk_norm = true;
  Fixture exact(shape, Recompute::none, at::kFloat, at::kFloat),
      rounded(shape, Recompute::none, at::kBFloat16, at::kFloat);
  const Tensor fields = at::randn({2, 3, 5, 7});
  const Tensor a = exact.vit.forward(fields, condition(fields)),
               b = rounded.vit.forward(fields, condition(fields));
  EXPECT_EQ(b.scalar_type(), at::kFloat);
  EXPECT_FALSE(at::equal(a, b));
  EXPECT_LT((a - b).abs().max().item<double>(), 0.02 * a.abs().max().item<double>());
}

TEST(Vit, DropPathDropsWholeBranchesOfSamplesByTheirNumber) {
  ModelShape shape = small_shape(Tokens::joint);
  shape.config.drop_path = 0.5;
  Fixture f(shape);
  const Tensor fields = at::randn({1, 3, 5, 7}, at::kDouble).expand({16, -1, -1, -1}).contiguous();
  std::vector<int64_t> numbers(16);
  for (int64_t i = 0; i < 16; ++i)
    numbers[i] = i;
  const Tensor whole = f.vit.forward(fields, condition(fields), {3, numbers});
  // The same samples in another batch drop the same.
  const Tensor part = f.vit.forward(fields.narrow(0, 0, 5), condition(fields).narrow(0, 0, 5),
                                    {3, std::span(numbers).subspan(8, 5)});
  EXPECT_TRUE(at::allclose(whole.narrow(0, 8, 5), part, 1e-12, 1e-14));
  std::set<double> outcomes;
  for (int64_t i = 0; i < 16; ++i)
    outcomes.insert(whole[i].sum().item<double>());
  EXPECT_GT(outcomes.size(), 1U);
  EXPECT_FALSE(at::allclose(whole, f.vit.forward(fields, condition(fields), {4, numbers})));
  EXPECT_TRUE(at::equal(f.vit.forward(fields, condition(fields)), f.vit.forward(fields, condition(fields))));
}

}  // namespace
}  // namespace seqvit::model
