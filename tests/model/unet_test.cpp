#include "model/unet.h"

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/roll.h>
#include <gtest/gtest.h>

#include "core/random.h"
#include "model/finite_difference.h"
#include "model/vit.h"

namespace seqvit::model {
namespace {

ModelShape shape_of(int64_t rows, int64_t columns, int64_t width) {
  ModelShape shape;
  shape.rows = rows, shape.columns = columns, shape.groups = single_inputs(3), shape.targets = {0, 2},
  shape.conditions = 4, shape.periodic = true;
  shape.config.patch_size = 2, shape.config.embed_dim = width, shape.config.depth = 2;
  return shape;
}

/// A model of one rank in fp64.
struct Fixture {
  explicit Fixture(const ModelShape& shape)
      : comm(comm::make_self_comm()),
        peers(parallel::make_local_attention(), *comm, {shape.token_grid().tokens()},
              parallel::Halo(*comm, grid::Neighbourhood(shape.token_grid(), shape.periodic, 0, 1))),
        vit(shape,
            {grid::make_slab(shape.token_grid(), 0, 1),
             &peers,
             {comm.get(), 0, at::kDouble, at::kDouble},
             {comm.get(), 0, at::kDouble, at::kDouble},
             {{0, shape.config.depth}}},
            MemoryConfig{}) {}
  int64_t weights() {
    int64_t sum = 0;
    for (parallel::ParamGroup* group : vit.groups()) {
      for (const parallel::Section& section : group->sections())
        sum += section.size;
    }
    return sum;
  }
  std::unique_ptr<comm::Comm> comm;
  parallel::Peers peers;
  Vit vit;
};

ModelShape unet(ModelShape shape) {
  shape.config.network = Network::unet;
  return shape;
}

TEST(UNet, HasAsManyWeightsAsTheTransformer) {
  for (const bool parts : {false, true}) {
    for (const int64_t width : {32, 128}) {
      ModelShape shape = shape_of(24, 48, width);
      shape.config.qk_norm = parts, shape.config.positions = parts ? Positions::fixed : Positions::learned;
      const int64_t transformer = Fixture(shape).weights(), convolutions = Fixture(unet(shape)).weights();
      EXPECT_EQ(convolutions, unet_weights(shape, unet_width(shape)));
      EXPECT_LE(convolutions, transformer);
      EXPECT_GT(unet_weights(shape, unet_width(shape) + 1), transformer);
      EXPECT_GT(static_cast<double>(convolutions), 0.8 * static_cast<double>(transformer));
    }
  }
}

TEST(UNet, GoesRoundTheGlobe) {
  const ModelShape shape = unet(shape_of(8, 16, 32));
  Fixture f(shape);
  at::manual_seed(1);
  const Tensor fields = at::randn({2, 3, 8, 16}, at::kDouble), told = at::randn({2, 4}, at::kDouble);
  const Tensor out = f.vit.forward(fields, told);
  EXPECT_EQ(out.sizes().vec(), (std::vector<int64_t>{2, 2, 8, 16}));
  const auto rolled = [&](int64_t shift, int64_t dim) {
    return at::allclose(f.vit.forward(at::roll(fields, {shift}, {dim}), told), at::roll(out, {shift}, {dim}),
                        1e-9, 1e-11);
  };
  EXPECT_TRUE(rolled(4, 3));
  EXPECT_FALSE(rolled(4, 2));
  ModelShape region = shape;
  region.periodic = false;
  Fixture g(region);
  const Tensor edge = g.vit.forward(fields, told);
  EXPECT_FALSE(
      at::allclose(g.vit.forward(at::roll(fields, {4}, {3}), told), at::roll(edge, {4}, {3}), 1e-9, 1e-11));
}

TEST(UNet, GradientsMatchFiniteDifferencesOnGridsThatDoNotHalve) {
  Fixture f(unet(shape_of(5, 7, 16)));
  at::manual_seed(2);
  const Tensor fields = at::randn({2, 3, 5, 7}, at::kDouble), told = at::randn({2, 4}, at::kDouble),
               weight = at::randn({2, 2, 5, 7}, at::kDouble);
  const auto loss = [&] { return (f.vit.forward(fields, told) * weight).sum(); };
  loss().backward();
  int64_t checked = 0;
  for (parallel::ParamGroup* group : f.vit.groups()) {
    group->finish_gradients();
    for (parallel::Section& section : group->sections()) {
      for (int64_t pick = 0; pick < 40; ++pick) {
        const int64_t i = permuted(9, pick, section.size);
        checked += expect_gradient(section, i, loss, std::to_string(i)) ? 1 : 0;
      }
    }
  }
  EXPECT_GT(checked, 40);
}

}  // namespace
}  // namespace seqvit::model
