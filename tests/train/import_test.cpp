#include "train/import.h"

#include <algorithm>

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "model/patches.h"
#include "model/resample.h"
#include "support/errors.h"
#include "support/temporary_directory.h"
#include "train/checkpoint.h"
#include "train/export.h"
#include "train/learner.h"

namespace seqvit {
namespace {

/// A model of random weights (each another's, none zero), whole on one rank, in fp64.
class Model {
 public:
  explicit Model(const ModelDescription& description, const ModelConfig& config = {})
      : description_(description),
        world_(make_self_comm()),
        mesh_(*world_, ParallelConfig{.zero = 0}),
        learner_(shape_of(description, config), settings(description, config), grid_of(description), mesh_) {
    for (ParamGroup* group : learner_.groups()) {
      group->load([&](const Param&, Range, const Tensor& out) { out.copy_(0.2 * at::randn(out.sizes())); });
    }
  }

  const ModelDescription& description() const { return description_; }
  Learner& learner() { return learner_; }

  std::map<std::string, Tensor> weights() {
    std::map<std::string, Tensor> all;
    for (ParamGroup* group : learner_.groups()) {
      for (const Section& section : group->sections()) {
        for_each_slice(section, section.mine, [&](const Param& param, Range elements, int64_t offset) {
          all[param.name()] =
              section.weight.detach().narrow(0, offset, elements.size()).clone().view(param.shape());
        });
      }
    }
    return all;
  }

  std::filesystem::path write(const TemporaryDirectory& d) {
    Checkpoints(d.path(), *world_).save(learner_.groups(), learner_.optimizer(), {}, false, 1);
    const auto path = d / "weights.safetensors";
    export_weights(d / "checkpoints/step-00000000", path, {{kModelKey, to_json(description_).dump()}});
    return path;
  }

  ImportReport import(const std::filesystem::path& file, std::optional<PatchRowsColumns> grid = {}) {
    return import_weights(file, grid, description_, learner_.groups());
  }

 private:
  ModelDescription description_;
  std::unique_ptr<Comm> world_;
  Mesh mesh_;
  Learner learner_;

  static ModelConfig complete(const ModelDescription& d, ModelConfig config) {
    config.patch_size = d.patch_size;
    config.num_heads = d.num_heads;
    config.embed_dim = config.embed_dim == ModelConfig{}.embed_dim ? 16 : config.embed_dim;
    config.depth = config.depth == ModelConfig{}.depth ? 2 : config.depth;
    config.tokens = d.tokens == "variable"     ? Tokens::variable
                    : d.tokens == "aggregated" ? Tokens::aggregated
                                               : Tokens::joint;
    return config;
  }
  static ModelShape shape_of(const ModelDescription& d, const ModelConfig& config) {
    ModelShape shape;
    shape.rows = d.rows, shape.columns = d.columns;
    shape.inputs = static_cast<int64_t>(d.inputs.size());
    for (const std::string& target : d.targets)
      shape.targets.push_back(std::find(d.inputs.begin(), d.inputs.end(), target) - d.inputs.begin());
    shape.conditions = 4;
    shape.config = complete(d, config);
    return shape;
  }
  static Config settings(const ModelDescription& d, const ModelConfig& config) {
    Config all;
    all.model = complete(d, config);
    all.train.precision = Precision::fp64;
    all.train.batch_size = 1;
    return all;
  }
  static Grid grid_of(const ModelDescription& d) {
    return {std::vector<double>(d.rows, 10.0), std::vector<double>(d.columns, 0.0)};
  }
};

ModelDescription describe(int64_t rows, int64_t columns, int64_t patch_size,
                          const std::string& tokens = "joint") {
  ModelDescription d;
  d.rows = rows, d.columns = columns, d.patch_size = patch_size, d.num_heads = 2;
  d.latitude = {40.0, 10.0}, d.longitude = {0.0, 50.0};
  d.inputs = {"t", "u", "orography"};
  d.targets = {"t", "u"};
  d.tokens = tokens, d.positions = "learned", d.predict = "tendency", d.lead_time = "6h";
  return d;
}

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
Tensor resize_patches(const Tensor& fields_BVYX, const TokenGrid& from, const TokenGrid& to) {
  const Tensor patches = to_patches(fields_BVYX, from, make_slab(from, 0, 1));
  const Tensor resized = at::matmul(patches, patch_resize(from.patch_size, to.patch_size).t());
  return from_patches(resized, to, make_slab(to, 0, 1));
}

// FlexiViT's property through the whole model: on upsampled patches it sees the same tokens and predicts the
// upsampled fields.
TEST(Import, AFinerGridWithLargerPatchesPredictsTheUpsampledFields) {
  for (const char* tokens : {"joint", "variable", "aggregated"}) {
    const TemporaryDirectory d;
    Model source(describe(8, 12, 2, tokens)), target(describe(20, 30, 5, tokens));
    const ImportReport report = target.import(source.write(d));
    EXPECT_EQ(report.resampled.size(), 3U) << "embedding, head and its bias; the patches lie alike";
    const TokenGrid from = source.description().grid(), to = target.description().grid();
    const Tensor fields = at::randn({1, 3, 8, 12}, at::kDouble), condition = at::randn({1, 4}, at::kDouble);
    const Tensor expected = resize_patches(source.learner().model().predict(fields, condition), from, to);
    const Tensor found = target.learner().model().predict(resize_patches(fields, from, to), condition);
    EXPECT_LT((found - expected).abs().max().item<double>(), 1e-10) << tokens;
    EXPECT_GT(expected.std().item<double>(), 0.01);
  }
}

TEST(Import, PositionsAreLaidOverAnotherGrid) {
  const TemporaryDirectory d;
  Model source(describe(9, 14, 3)), target(describe(18, 28, 3));
  const ImportReport report = target.import(source.write(d));
  EXPECT_EQ(report.resampled, std::vector<std::string>{"pos_embed"});
  const Tensor expected = resample_positions(source.weights().at("pos_embed"), source.description().grid(),
                                             target.description().grid(), false);
  EXPECT_TRUE(at::equal(target.weights().at("pos_embed"), expected));
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
  const Tensor expected = at::matmul(kernel.view({16, 3, 16}), embedding_resize(4, 2).t()).view({16, 12});
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
}  // namespace seqvit
