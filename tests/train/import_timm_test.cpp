/// Weights of timm's VisionTransformer as the start of a model.
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include "model/resample.h"
#include "support/errors.h"
#include "train/import_model.h"

namespace seqvit::train {
namespace {

/// A state as timm's VisionTransformer has it, from the weights of a model; `channels` of its patch
/// embedding.
NamedTensors timm_state(Model& model, int64_t channels, int64_t registers) {
  const auto weights = model.weights();
  NamedTensors state;
  for (const auto& [name, weight] : weights) {
    if (exported_name(name) == name) state.emplace_back(name, weight);
  }
  const Tensor position = weights.at("pos_embed");
  state.emplace_back("pos_embed",
                     at::cat({at::randn({1 + registers, 16}, at::kDouble), position}).unsqueeze(0));
  state.emplace_back("cls_token", at::randn({1, 1, 16}));
  if (registers > 0) state.emplace_back("reg_token", at::randn({1, registers, 16}));
  state.emplace_back("patch_embed.proj.weight", at::randn({16, channels, 4, 4}, at::kDouble));
  state.emplace_back("patch_embed.proj.bias", at::randn({16}, at::kDouble));
  state.emplace_back("head.weight", at::randn({10, 16}));
  return state;
}

TEST(Import, TakesTheEncoderAndPositionsOfTimms) {
  const TemporaryDirectory d;
  const auto file = d / "timm.safetensors";
  Model source(describe(16, 16, 4)), target(describe(16, 16, 4));
  write_safetensors(file, timm_state(source, /*channels=*/5, /*registers=*/4));
  const ImportReport report = target.import(file);
  const auto from = source.weights(), to = target.weights();
  for (const auto& [name, weight] : to)
    EXPECT_EQ(at::equal(weight, from.at(name)), exported_name(name) == name || name == "pos_embed") << name;
  EXPECT_EQ(report.unused, (std::vector<std::string>{"cls_token", "head.weight", "patch_embed.proj.bias",
                                                     "patch_embed.proj.weight", "reg_token"}));
  EXPECT_TRUE(report.resampled.empty());
}

TEST(Import, TakesTimmsPatchEmbeddingForAsManyInputsAndAnyGridThatIsNamed) {
  const TemporaryDirectory d;
  const auto file = d / "timm.safetensors";
  Model source(describe(12, 20, 4)), target(describe(16, 24, 2));
  const NamedTensors state = timm_state(source, /*channels=*/3, /*registers=*/0);
  write_safetensors(file, state);
  expect_error(Exit::checkpoint, {"pos_embed", "16 positions", "--source_grid"},
               [&] { target.import(file); });
  expect_error(Exit::checkpoint, {"pos_embed", "4 x 5", "16 positions"}, [&] {
    target.import(file, PatchRowsColumns{4, 5});
  });
  const ImportReport report = target.import(file, PatchRowsColumns{3, 5});
  EXPECT_EQ(report.resampled, (std::vector<std::string>{"patch_embed.proj.weight", "pos_embed"}));
  const Tensor kernel = std::find_if(state.begin(), state.end(), [](const auto& entry) {
                          return entry.first == "patch_embed.proj.weight";
                        })->second;
  const Tensor expected =
      at::matmul(kernel.view({16, 3, 16}), model::embedding_resize(4, 2).t()).view({16, 12});
  EXPECT_LT((target.weights().at("patch_embed.proj.weight") - expected).abs().max().item<double>(), 1e-12);
}

TEST(Import, RefusesBlocksThatComputeSomethingElse) {
  const TemporaryDirectory d;
  const auto file = d / "timm.safetensors";
  Model source(describe(16, 16, 4)), target(describe(16, 16, 4));
  NamedTensors state = timm_state(source, 3, 0);
  state.emplace_back("blocks.0.ls1.gamma", at::randn({16}));
  write_safetensors(file, state);
  expect_error(Exit::checkpoint, {"blocks.0.ls1.gamma"}, [&] { target.import(file); });
  write_safetensors(file, {{"weight", at::randn({3})}});
  expect_error(Exit::checkpoint, {"timm.safetensors", "blocks"}, [&] { target.import(file); });
  write_safetensors(file, {{"seqvit.pos_embed", at::randn({3, 16})}});
  expect_error(Exit::checkpoint, {"timm.safetensors", "seqvit export"}, [&] { target.import(file); });
}

}  // namespace
}  // namespace seqvit::train
