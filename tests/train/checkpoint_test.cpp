#include "train/checkpoint.h"

#include <fstream>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "comm/thread.h"
#include "core/file.h"
#include "support/errors.h"
#include "support/temporary_directory.h"

namespace seqvit {
namespace {

/// Two groups with random weights and moments.
struct Fixture {
  Fixture(Comm& comm, int stage, int64_t width = 5)
      : sharding{&comm, stage, at::kFloat, at::kFloat}, a("a", sharding), b("b", sharding) {
    a.add("w", {3, width}, ParamKind::matrix, init_truncated_normal(1, 1, "w"));
    a.add("n", {width}, ParamKind::vector, init_truncated_normal(1, 1, "n"));
    b.add("w", {7, 2}, ParamKind::matrix, init_truncated_normal(1, 1, "bw"));
    a.seal();
    b.seal();
    optimizer.emplace(groups(), TrainConfig{}, comm);
  }
  std::vector<ParamGroup*> groups() { return {&a, &b}; }

  /// Weights and moments as functions of the element, so that they are known on any mesh.
  void set(float offset) {
    for (size_t g = 0; g < 2; ++g) {
      for (size_t s = 0; s < 2; ++s) {
        Section& section = groups()[g]->sections()[s];
        const at::NoGradGuard no_grad;
        const Tensor values = at::arange(section.mine.begin, section.mine.end, at::kFloat) + offset +
                              100.0F * static_cast<float>(2 * g + s);
        section.weight.copy_(values);
        optimizer->moments(g, s).first.copy_(values + 0.25);
        optimizer->moments(g, s).second.copy_(values + 0.5);
      }
    }
  }
  bool is(float offset) {
    for (size_t g = 0; g < 2; ++g) {
      for (size_t s = 0; s < 2; ++s) {
        const Section& section = groups()[g]->sections()[s];
        const Tensor values = at::arange(section.mine.begin, section.mine.end, at::kFloat) + offset +
                              100.0F * static_cast<float>(2 * g + s);
        if (!at::equal(section.weight.detach(), values) ||
            !at::equal(optimizer->moments(g, s).first, values + 0.25) ||
            !at::equal(optimizer->moments(g, s).second, values + 0.5)) {
          return false;
        }
      }
    }
    return true;
  }

  Sharding sharding;
  ParamGroup a, b;
  std::optional<AdamW> optimizer;
};

TEST(Checkpoint, GoesFromAnyMeshToAnyOther) {
  for (const auto& [saved_on, saved_stage] : {std::pair{1, 0}, {2, 0}, {3, 1}, {4, 3}, {7, 2}}) {
    const TemporaryDirectory run;
    run_ranks(saved_on, [&, stage = saved_stage](Comm& comm) {
      Fixture f(comm, stage);
      f.set(3.0F);
      Checkpoints(run.path(), comm).save(f.groups(), *f.optimizer, {12, 0.5}, true, 2);
    });
    for (const auto& [loaded_on, stage] : {std::pair{1, 3}, {2, 1}, {5, 3}, {3, 0}}) {
      run_ranks(loaded_on, [&, stage = stage](Comm& comm) {
        Fixture f(comm, stage);
        const Checkpoints all(run.path(), comm);
        EXPECT_EQ(all.newest(), all.best());
        const Progression progression = load_checkpoint(all.newest().value(), f.groups(), &*f.optimizer);
        EXPECT_EQ(progression.step, 12);
        EXPECT_EQ(progression.best_validation_loss, 0.5);
        EXPECT_TRUE(f.is(3.0F));
      });
    }
  }
}

TEST(Checkpoint, KeepsTheNewestAndTheBest) {
  const TemporaryDirectory run;
  const auto comm = make_self_comm();
  Fixture f(*comm, 0);
  Checkpoints all(run.path(), *comm);
  for (int step = 1; step <= 6; ++step)
    all.save(f.groups(), *f.optimizer, {step, 1.0}, step == 2, 2);
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(run / "checkpoints"))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"best", "step-00000002", "step-00000005", "step-00000006"}));
  EXPECT_EQ(all.best()->filename(), "step-00000002");
  EXPECT_EQ(all.newest()->filename(), "step-00000006");
}

TEST(Checkpoint, RefusesDamageAndOtherModels) {
  const TemporaryDirectory run;
  const auto comm = make_self_comm();
  Fixture f(*comm, 0);
  Checkpoints all(run.path(), *comm);
  all.save(f.groups(), *f.optimizer, {1, 1.0}, false, 2);
  const auto checkpoint = all.newest().value();

  Fixture other(*comm, 0, 6);
  expect_error(Exit::checkpoint, {"'a.w'", "[3, 6]", "[3, 5]"},
               [&] { load_checkpoint(checkpoint, other.groups(), nullptr); });

  const auto shard = checkpoint / "rank-00000.safetensors";
  std::string bytes = read_text(shard, Exit::checkpoint);
  bytes[bytes.size() - 3] ^= 1;
  write_text(shard, bytes, Exit::checkpoint);
  expect_error(Exit::checkpoint, {"rank-00000.safetensors", "checksum", "corrupt"},
               [&] { load_checkpoint(checkpoint, f.groups(), nullptr); });
  std::filesystem::remove(shard);
  expect_error(Exit::checkpoint, {"rank-00000.safetensors"},
               [&] { load_checkpoint(checkpoint, f.groups(), nullptr); });
  write_text(checkpoint / "index.json", "{\"format\": 1, \"step\"", Exit::checkpoint);
  expect_error(Exit::checkpoint, {"index.json", "corrupt"},
               [&] { load_checkpoint(checkpoint, f.groups(), nullptr); });
}

/// Whoever edits or damages an index gets told so, before memory is asked for or elements are counted
/// through.
TEST(Checkpoint, RefusesAnIndexThatCannotBe) {
  const TemporaryDirectory run;
  const auto comm = make_self_comm();
  Fixture f(*comm, 0);
  Checkpoints all(run.path(), *comm);
  all.save(f.groups(), *f.optimizer, {1, 1.0}, false, 2);
  const auto checkpoint = all.newest().value();
  const auto good = nlohmann::json::parse(read_text(checkpoint / "index.json", Exit::checkpoint));
  const auto refuses = [&](const std::string& what, const nlohmann::json& index) {
    SCOPED_TRACE(what);
    write_text(checkpoint / "index.json", index.dump(), Exit::checkpoint);
    expect_error(Exit::checkpoint, {checkpoint.string()}, [&] { read_weights(checkpoint); });
    expect_error(Exit::checkpoint, {checkpoint.string()},
                 [&] { load_checkpoint(checkpoint, f.groups(), &*f.optimizer); });
  };
  constexpr int64_t kHuge = int64_t{1} << 50;
  const std::vector<std::pair<std::string, nlohmann::json>> changes = {{"cut", {0, 0, 4}},
                                                                       {"cut", {4, -2, 2}},
                                                                       {"cut", {5, 4, 3}},
                                                                       {"cut", {1, 2}},
                                                                       {"begin", -12},
                                                                       {"begin", kHuge},
                                                                       {"begin", 0.5},
                                                                       {"end", kHuge},
                                                                       {"end", "12"},
                                                                       {"shape", {-3, -5}},
                                                                       {"shape", {kHuge, kHuge, 2}},
                                                                       {"shape", {1e300}},
                                                                       {"file", "../a/b.txt"},
                                                                       {"file", ".."},
                                                                       {"file", ""},
                                                                       {"key", "no such"},
                                                                       {"file", "no such"},
                                                                       {"name", 5}};
  for (const auto& [key, value] : changes) {
    nlohmann::json index = good;
    index["tensors"][0][key] = value;
    refuses(key + " " + value.dump(), index);
  }
  nlohmann::json index = good;
  index["step"] = -1;
  refuses("step", index);
  index = good;
  for (auto& entry : index["tensors"])
    entry["shape"] = {kHuge}, entry["end"] = kHuge;
  refuses("weights of a petabyte", index);
  EXPECT_NO_THROW(write_text(checkpoint / "index.json", good.dump(), Exit::checkpoint);
                  read_weights(checkpoint));
}

}  // namespace
}  // namespace seqvit
