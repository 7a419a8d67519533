#include "train/import.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include "model/patches.h"
#include "model/resample.h"
#include "support/errors.h"
#include "train/import_model.h"

namespace seqvit::train {
namespace {

TEST(Import, TheSameModelIsTheSameToTheLastBit) {
  for (const char* tokens : {"joint", "variable", "aggregated"}) {
    const TemporaryDirectory d;
    Model source(describe(9, 14, 3, tokens)), target(source.description());
    const ImportReport report = target.import(source.write(d));
    const auto expected = source.weights();
    for (const auto& [name, weight] : target.weights())
      EXPECT_TRUE(at::equal(weight, expected.at(name))) << name;
    EXPECT_EQ(report.taken.size(), expected.size());
    EXPECT_TRUE(report.resampled.empty() && report.initial.empty() && report.unused.empty());
  }
}

/// Every patch of fields [B, V, Y, X] resized: fields on the grid of `to`.
Tensor resize_patches(const Tensor& fields_BVYX, const grid::TokenGrid& from, const grid::TokenGrid& to) {
  const Tensor patches = model::to_patches(fields_BVYX, from, grid::make_slab(from, 0, 1));
  const Tensor resized = at::matmul(patches, model::patch_resize(from.patch_size, to.patch_size).t());
  return model::from_patches(resized, to, grid::make_slab(to, 0, 1));
}

// FlexiViT's property through the whole model: on upsampled patches it sees the same tokens and predicts the
// upsampled fields.
TEST(Import, AFinerGridWithLargerPatchesPredictsTheUpsampledFields) {
  for (const char* tokens : {"joint", "variable", "aggregated"}) {
    const TemporaryDirectory d;
    Model source(describe(8, 12, 2, tokens)), target(describe(20, 30, 5, tokens));
    const ImportReport report = target.import(source.write(d));
    EXPECT_EQ(report.resampled.size(), 3U) << "embedding, head and its bias; the patches lie alike";
    const grid::TokenGrid from = source.description().grid(), to = target.description().grid();
    const Tensor fields = at::randn({1, 3, 8, 12}, at::kDouble), condition = at::randn({1, 4}, at::kDouble);
    const Tensor expected = resize_patches(source.learner().model().predict(fields, condition), from, to);
    const Tensor found = target.learner().model().predict(resize_patches(fields, from, to), condition);
    EXPECT_LT((found - expected).abs().max().item<double>(), 1e-10) << tokens;
    EXPECT_GT(expected.std().item<double>(), 0.01);
  }
}

TEST(Import, LeadTimesAreFoundByTheirNames) {
  ModelDescription wanted = describe(8, 12, 2);
  wanted.leads = {"6h", "12h", "24h"};
  const std::vector<std::vector<std::string>> known = {{"6h"}, {"6h", "24h"}, {"6h", "12h", "24h"}};
  for (const auto& leads : known) {
    const TemporaryDirectory d;
    ModelDescription had = describe(8, 12, 2);
    had.leads = leads;
    Model source(had), target(wanted);
    const Tensor from = source.weights().at("condition.weight"),
                 before = target.weights().at("condition.weight");
    target.import(source.write(d));
    const Tensor found = target.weights().at("condition.weight");
    EXPECT_TRUE(at::equal(found.narrow(1, 0, 4), from.narrow(1, 0, 4))) << "phases";
    for (int64_t lead = 0; lead < 3; ++lead) {
      const auto place = std::find(leads.begin(), leads.end(), wanted.leads[lead]) - leads.begin();
      const bool has = leads.size() > 1 && place < std::ssize(leads);
      const Tensor expected = has ? from.select(1, 4 + place) : before.select(1, 4 + lead);
      EXPECT_TRUE(at::equal(found.select(1, 4 + lead), expected)) << wanted.leads[lead];
    }
  }
}

TEST(Import, PositionsAreLaidOverAnotherGrid) {
  for (const bool globes : {false, true}) {
    const TemporaryDirectory d;
    ModelDescription coarse = describe(9, 15, 3), fine = describe(18, 30, 3);
    coarse.periodic = fine.periodic = globes;
    Model source(coarse), target(fine);
    EXPECT_EQ(target.import(source.write(d)).resampled, std::vector<std::string>{"pos_embed"});
    const Tensor position = source.weights().at("pos_embed");
    EXPECT_TRUE(at::equal(target.weights().at("pos_embed"),
                          model::resample_positions(position, coarse.grid(), fine.grid(), globes)));
  }
}

TEST(Import, VariablesAreFoundByTheirNames) {
  for (const char* tokens : {"joint", "variable"}) {
    const TemporaryDirectory d;
    ModelDescription other = describe(9, 14, 3, tokens);
    other.inputs = {"u", "q", "t"};
    other.targets = {"q", "t"};
    Model source(describe(9, 14, 3, tokens)), target(other);
    const auto before = target.weights();
    const ImportReport report = target.import(source.write(d));
    const auto from = source.weights(), to = target.weights();
    const bool joint = other.tokens == "joint";
    const std::string name = joint ? "patch_embed.proj.weight" : "variable_embed.proj.weight";
    const std::string head = joint ? "head.weight" : "variable_head.weight";
    // [D, V, 9] or [V, D, 9]; [T, 9, D]
    const auto input = [&](const Tensor& w, int64_t v) {
      return joint ? w.view({16, 3, 9}).select(1, v) : w.select(0, v);
    };
    const auto output = [&](const Tensor& w, int64_t v) { return w.view({2, 9, 16}).select(0, v); };
    EXPECT_TRUE(at::equal(input(to.at(name), 0), input(from.at(name), 1)));      // u
    EXPECT_TRUE(at::equal(input(to.at(name), 1), input(before.at(name), 1)));    // q
    EXPECT_TRUE(at::equal(input(to.at(name), 2), input(from.at(name), 0)));      // t
    EXPECT_TRUE(at::equal(output(to.at(head), 0), output(before.at(head), 0)));  // q
    EXPECT_TRUE(at::equal(output(to.at(head), 1), output(from.at(head), 0)));    // t
    const auto says = [](const std::vector<std::string>& list, const std::string& entry) {
      return std::find(list.begin(), list.end(), entry) != list.end();
    };
    EXPECT_TRUE(says(report.initial, name + " of q") && says(report.initial, head + " of q"));
    EXPECT_TRUE(says(report.unused, name + " of orography") && says(report.unused, head + " of u"));
  }
}

TEST(Import, WithoutCommonVariablesTheEmbeddingIsNew) {
  const TemporaryDirectory d;
  ModelDescription other = describe(9, 14, 3);
  other.inputs = other.targets = {"q"};
  Model source(describe(9, 14, 3)), target(other);
  const ImportReport report = target.import(source.write(d));
  EXPECT_EQ(report.initial,
            (std::vector<std::string>{"patch_embed.proj.weight", "head.weight", "head.bias"}));
  EXPECT_EQ(report.unused.size(), 3U);
}

TEST(Import, WhatTheSourceDoesNotHaveKeepsItsInitialValue) {
  const TemporaryDirectory d;
  ModelDescription state = describe(9, 14, 3, "variable");
  state.predict = "state";
  Model source(describe(9, 14, 3)), target(state);
  const auto before = target.weights();
  const ImportReport report = target.import(source.write(d));
  const std::vector<std::string> others = {"variable_embed.proj.weight", "variable_embed.embed",
                                           "variable_head.weight", "variable_head.bias"};
  EXPECT_EQ(report.initial, others);
  for (const std::string& name : others)
    EXPECT_TRUE(at::equal(target.weights().at(name), before.at(name))) << name;
  EXPECT_EQ(report.unused.size(), 4U) << "joint embedding and head";

  ModelDescription joint_state = describe(9, 14, 3);
  joint_state.predict = "state";
  Model joint(joint_state);
  EXPECT_EQ(joint.import(d / "weights.safetensors").initial,
            (std::vector<std::string>{"head.weight", "head.bias"}))
      << "a head for tendencies does not predict states";
}

TEST(Import, AHeadOfOtherLayersIsNew) {
  for (const char* tokens : {"joint", "variable"}) {
    const TemporaryDirectory d;
    Model source(describe(9, 14, 3, tokens), {.head_layers = 1});
    const auto file = source.write(d);
    Model same(source.description(), {.head_layers = 1}), more(source.description(), {.head_layers = 2});
    EXPECT_TRUE(same.import(file).initial.empty());
    EXPECT_TRUE(
        at::equal(same.weights().at("head_layers.0.weight"), source.weights().at("head_layers.0.weight")));
    const auto before = more.weights();
    const ImportReport report = more.import(file);
    EXPECT_EQ(report.initial.size(), 6U) << "two layers and the map to points, weights and biases";
    EXPECT_EQ(report.unused.size(), 4U);
    for (const std::string& name : report.initial)
      EXPECT_TRUE(at::equal(more.weights().at(name), before.at(name))) << name;
  }
}

/// Weights are those of inputs, however tokens put these together.
TEST(Import, LevelsInATokenTakeTheWeightsOfTheirOwn) {
  const TemporaryDirectory d;
  ModelDescription together = describe(9, 14, 3, "variable");
  together.groups = {0, 0, 1};
  Model source(describe(9, 14, 3, "variable")), target(together);
  const ImportReport report = target.import(source.write(d));
  const auto expected = source.weights();
  for (const auto& [name, weight] : target.weights())
    EXPECT_TRUE(at::equal(weight, expected.at(name))) << name;
  EXPECT_TRUE(report.initial.empty() && report.unused.empty());
}

TEST(Import, NamesWhatFitsNowhere) {
  const TemporaryDirectory d;
  Model source(describe(9, 14, 3));
  const auto file = source.write(d);
  const auto refuse = [&](const ModelDescription& description, const ModelConfig& config,
                          const std::vector<std::string>& words) {
    Model target(description, config);
    expect_error(Exit::checkpoint, words, [&] { target.import(file); });
  };
  const ModelDescription same = source.description();
  refuse(same, {.embed_dim = 24}, {"weights.safetensors", "blocks.0", "[24]", "[16]", "model.embed_dim=16"});
  refuse(same, {.depth = 3}, {"expected 3 blocks", "found 2", "model.depth=2"});
  refuse(same, {.depth = 1}, {"expected 1 blocks", "found 2", "model.depth=2"});
  refuse(same, {.mlp_ratio = 2.0}, {"blocks.0.mlp.fc1", "[32]", "[64]", "model.mlp_ratio=4"});
  ModelDescription heads = same;
  heads.num_heads = 4;
  refuse(heads, {}, {"4 heads", "found 2", "model.num_heads=2"});
  Model target(same);
  expect_error(Exit::usage, {"--source_grid", "3 x 5"}, [&] { target.import(file, PatchRowsColumns{3, 5}); });
}

}  // namespace
}  // namespace seqvit::train
