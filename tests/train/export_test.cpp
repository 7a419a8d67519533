#include "train/export.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include "comm/thread.h"
#include "support/errors.h"
#include "support/temporary_directory.h"
#include "train/checkpoint.h"

namespace seqvit::train {
namespace {

TEST(Export, KeepsTheEncodersNamesAndMarksTheRest) {
  EXPECT_EQ(exported_name("blocks.11.attn.qkv.weight"), "blocks.11.attn.qkv.weight");
  EXPECT_EQ(exported_name("norm.bias"), "norm.bias");
  EXPECT_EQ(exported_name("pos_embed"), "seqvit.pos_embed");
  EXPECT_EQ(exported_name("aggregation.norm.weight"), "seqvit.aggregation.norm.weight");
}

// Every element of every weight says where it belongs.
void save_numbered(comm::Comm& comm, const std::filesystem::path& run, int stage) {
  parallel::ParamGroup group("", {&comm, stage, at::kFloat, at::kFloat});
  const auto numbered = [](float offset) {
    return [offset](std::span<float> out, int64_t first) {
      for (size_t i = 0; i < out.size(); ++i)
        out[i] = offset + static_cast<float>(first) + static_cast<float>(i);
    };
  };
  group.add("blocks.0.mlp.fc1.weight", {5, 7}, parallel::ParamKind::matrix, numbered(0));
  group.add("head.weight", {3, 4}, parallel::ParamKind::matrix, numbered(100));
  group.add("norm.weight", {9}, parallel::ParamKind::vector, numbered(200));
  group.seal();
  AdamW optimizer({&group}, TrainConfig{}, comm);
  Checkpoints(run, comm).save({&group}, optimizer, {1, 1.0}, false, 1);
}

TEST(Export, GathersWholeWeightsFromTheSharesOfAnyMesh) {
  for (const auto& [ranks, stage] : {std::pair{1, 0}, {2, 3}, {3, 1}, {7, 3}}) {
    const TemporaryDirectory d;
    comm::run_ranks(ranks, [&, stage = stage](comm::Comm& comm) { save_numbered(comm, d.path(), stage); });
    EXPECT_EQ(export_weights(d / "checkpoints/step-00000001", d / "w.safetensors"), 3);
    const SafetensorsFile file(d / "w.safetensors");
    ASSERT_EQ(file.entries().size(), 3U) << "weights only, no moments";
    EXPECT_EQ(file.entries().at("blocks.0.mlp.fc1.weight").shape, (std::vector<int64_t>{5, 7}));
    EXPECT_TRUE(at::equal(file.read("blocks.0.mlp.fc1.weight", {0, 35}), at::arange(35, at::kFloat)));
    EXPECT_TRUE(at::equal(file.read("seqvit.head.weight", {0, 12}), 100 + at::arange(12, at::kFloat)));
    EXPECT_TRUE(at::equal(file.read("norm.weight", {0, 9}), 200 + at::arange(9, at::kFloat)));
  }
}

TEST(Export, NamesWhatIsMissing) {
  const TemporaryDirectory d;
  comm::run_ranks(2, [&](comm::Comm& comm) { save_numbered(comm, d.path(), 3); });
  const auto checkpoint = d / "checkpoints/step-00000001";
  expect_error(Exit::checkpoint, {"/nowhere/w.safetensors"},
               [&] { export_weights(checkpoint, "/nowhere/w.safetensors"); });
  std::filesystem::remove(checkpoint / "rank-00001.safetensors");
  expect_error(Exit::checkpoint, {"rank-00001.safetensors"},
               [&] { export_weights(checkpoint, d / "w.safetensors"); });
  EXPECT_FALSE(std::filesystem::exists(d / "w.safetensors"));
}

}  // namespace
}  // namespace seqvit::train
