#include "train/checkpoint.h"

#include <cmath>
#include <cstring>
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

namespace seqvit::train {
namespace {

/// Two groups with random weights and moments.
struct Fixture {
  Fixture(comm::Comm& comm, int stage, int64_t width = 5)
      : sharding{&comm, stage, at::kFloat, at::kFloat}, a("a", sharding), b("b", sharding) {
    a.add("w", {3, width}, parallel::ParamKind::matrix, parallel::init_truncated_normal(1, 1, "w"));
    a.add("n", {width}, parallel::ParamKind::vector, parallel::init_truncated_normal(1, 1, "n"));
    b.add("w", {7, 2}, parallel::ParamKind::matrix, parallel::init_truncated_normal(1, 1, "bw"));
    a.seal();
    b.seal();
    optimizer.emplace(groups(), TrainConfig{}, comm);
  }
  std::vector<parallel::ParamGroup*> groups() { return {&a, &b}; }

  /// Weights and moments as functions of the element, so that they are known on any mesh.
  void set(float offset) {
    for (size_t g = 0; g < 2; ++g) {
      for (size_t s = 0; s < 2; ++s) {
        parallel::Section& section = groups()[g]->sections()[s];
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
        const parallel::Section& section = groups()[g]->sections()[s];
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

  parallel::Sharding sharding;
  parallel::ParamGroup a, b;
  std::optional<AdamW> optimizer;
};

/// The checkpoints of one rank alone, in a directory of its own.
struct OneRank {
  TemporaryDirectory run;
  std::unique_ptr<comm::Comm> comm = comm::make_self_comm();
  Fixture f{*comm, 0};
  Checkpoints all{run.path(), *comm};
};

TEST(Checkpoint, GoesFromAnyMeshToAnyOther) {
  for (const auto& [saved_on, saved_stage] : {std::pair{1, 0}, {2, 0}, {3, 1}, {4, 3}, {7, 2}}) {
    const TemporaryDirectory run;
    comm::run_ranks(saved_on, [&, stage = saved_stage](comm::Comm& comm) {
      Fixture f(comm, stage);
      f.set(3.0F);
      Checkpoints(run.path(), comm).save(f.groups(), *f.optimizer, {12, 0.5}, true, 2);
    });
    for (const auto& [loaded_on, stage] : {std::pair{1, 3}, {2, 1}, {5, 3}, {3, 0}}) {
      comm::run_ranks(loaded_on, [&, stage = stage](comm::Comm& comm) {
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
  OneRank one;
  for (int step = 1; step <= 6; ++step)
    one.all.save(one.f.groups(), *one.f.optimizer, {step, 1.0}, step == 2, 2);
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(one.run / "checkpoints"))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"best", "step-00000002", "step-00000005", "step-00000006"}));
  EXPECT_EQ(one.all.best()->filename(), "step-00000002");
  EXPECT_EQ(one.all.newest()->filename(), "step-00000006");
}

TEST(Checkpoint, RefusesDamageAndOtherModels) {
  OneRank one;
  one.all.save(one.f.groups(), *one.f.optimizer, {1, 1.0}, false, 2);
  const auto checkpoint = one.all.newest().value();

  Fixture other(*one.comm, 0, 6);
  expect_error(Exit::checkpoint, {"'a.w'", "[3, 6]", "[3, 5]"},
               [&] { load_checkpoint(checkpoint, other.groups(), nullptr); });

  const auto shard = checkpoint / "rank-00000.safetensors";
  std::string bytes = read_text(shard, Exit::checkpoint);
  bytes[bytes.size() - 3] ^= 1;
  write_text(shard, bytes, Exit::checkpoint);
  expect_error(Exit::checkpoint, {"rank-00000.safetensors", "checksum", "corrupt"},
               [&] { load_checkpoint(checkpoint, one.f.groups(), nullptr); });
  std::filesystem::remove(shard);
  expect_error(Exit::checkpoint, {"rank-00000.safetensors"},
               [&] { load_checkpoint(checkpoint, one.f.groups(), nullptr); });
  write_text(checkpoint / "index.json", "{\"format\": 1, \"step\"", Exit::checkpoint);
  expect_error(Exit::checkpoint, {"index.json", "corrupt"},
               [&] { load_checkpoint(checkpoint, one.f.groups(), nullptr); });
}

/// Whoever edits or damages an index gets told so, before memory is asked for or elements are counted
/// through.
TEST(Checkpoint, RefusesAnIndexThatCannotBe) {
  OneRank one;
  one.all.save(one.f.groups(), *one.f.optimizer, {1, 1.0}, false, 2);
  const auto checkpoint = one.all.newest().value();
  const auto good = nlohmann::json::parse(read_text(checkpoint / "index.json", Exit::checkpoint));
  const auto refuses = [&](const std::string& what, const nlohmann::json& index) {
    SCOPED_TRACE(what);
    write_text(checkpoint / "index.json", index.dump(), Exit::checkpoint);
    expect_error(Exit::checkpoint, {checkpoint.string()}, [&] { read_weights(checkpoint); });
    expect_error(Exit::checkpoint, {checkpoint.string()},
                 [&] { load_checkpoint(checkpoint, one.f.groups(), &*one.f.optimizer); });
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

void damage(const std::filesystem::path& file) {
  std::string bytes = read_text(file, Exit::checkpoint);
  bytes[bytes.size() - 3] ^= 1;
  write_text(file, bytes, Exit::checkpoint);
}

/// What is in a directory, by name.
std::vector<std::string> names_in(const std::filesystem::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

/// The program must not write it, and must not believe one that somebody else has written.
TEST(Checkpoint, IsNeverOfWhatIsNotFinite) {
  const TemporaryDirectory run;
  comm::run_ranks(3, [&](comm::Comm& comm) {
    Fixture f(comm, 3);
    f.set(1.0F);
    Checkpoints all(run.path(), comm);
    all.save(f.groups(), *f.optimizer, {1, 1.0}, true, 1);
    f.set(2.0F);
    if (comm.rank() == 1) f.optimizer->moments(0, 0).second[1].fill_(INFINITY);
    // The others, whose shares are finite, follow; the one there is stays though only one is to be kept.
    EXPECT_ERROR(all.save(f.groups(), *f.optimizer, {2, 1.0}, true, 1), Exit::not_finite,
                 "'a.w.exp_avg_sq' is not finite", "no checkpoint is written");
  });
  EXPECT_EQ(names_in(run / "checkpoints"), (std::vector<std::string>{"best", "step-00000001"}));

  const auto comm = comm::make_self_comm();
  const auto checkpoint = run / "checkpoints/step-00000001", shard = checkpoint / "rank-00002.safetensors";
  std::string index = read_text(checkpoint / "index.json", Exit::bug);
  const std::string before = file_checksum(shard, Exit::bug);
  std::string bytes = read_text(shard, Exit::bug);
  const float none = NAN;
  std::memcpy(bytes.data() + bytes.size() - sizeof none, &none, sizeof none);  // of the last moment
  write_text(shard, bytes, Exit::bug);
  index.replace(index.find(before), before.size(), file_checksum(shard, Exit::bug));
  write_text(checkpoint / "index.json", index, Exit::bug);
  Fixture f(*comm, 0);
  EXPECT_ERROR(load_checkpoint(checkpoint, f.groups(), &*f.optimizer), Exit::checkpoint, "is not finite");
  EXPECT_ERROR(Checkpoints(run.path(), *comm).to_resume({}), Exit::checkpoint, "rank-00002", "is not finite");
}

/// Averages are as much a part of a checkpoint as moments; without them the weights themselves are taken.
TEST(Checkpoint, HoldsAveragesOfWeightsWhereThereAreSome) {
  const TemporaryDirectory run;
  const auto value = [](Fixture& f) { return f.a.sections()[0].weight.detach()[0].item<float>(); };
  TrainConfig averages;
  averages.ema = 0.5;
  comm::run_ranks(3, [&](comm::Comm& comm) {
    Fixture f(comm, 3);
    f.optimizer.emplace(f.groups(), averages, comm);
    f.set(1.0F);
    const Checkpoints all(run.path(), comm);
    Checkpoints(run.path(), comm).save(f.groups(), *f.optimizer, {1}, false, 5);
    EXPECT_FALSE(has_average(all.newest().value())) << "before the first step there is none";
    f.optimizer->step(1, 0.0);
    f.set(3.0F);
    Checkpoints(run.path(), comm).save(f.groups(), *f.optimizer, {2}, false, 5);
  });
  const auto comm = comm::make_self_comm();
  Fixture f(*comm, 0);
  const auto path = [&](const char* name) { return run / "checkpoints" / name; };
  EXPECT_TRUE(has_average(path("step-00000002")));
  load_checkpoint(path("step-00000002"), f.groups(), nullptr, Weights::averaged);
  EXPECT_EQ(value(f), 1.0F);
  load_checkpoint(path("step-00000002"), f.groups(), nullptr, Weights::raw);
  EXPECT_EQ(value(f), 3.0F);
  EXPECT_EQ(read_weights(path("step-00000002"), Weights::averaged)[1].second[0][0].item<float>(), 1.0F);
  EXPECT_EQ(read_weights(path("step-00000002"))[0].first, read_weights(path("step-00000001"))[0].first);
  load_checkpoint(path("step-00000001"), f.groups(), nullptr, Weights::averaged);
  EXPECT_EQ(value(f), 1.0F) << "there are none: the weights";
  // To go on with averages, from a checkpoint with and from one without; and without, from one with.
  f.optimizer.emplace(f.groups(), averages, *comm);
  load_checkpoint(path("step-00000002"), f.groups(), &*f.optimizer);
  EXPECT_EQ(f.optimizer->moments(0, 0).average[0].item<float>(), 1.0F);
  load_checkpoint(path("step-00000001"), f.groups(), &*f.optimizer);
  EXPECT_FALSE(f.optimizer->has_averages());
  f.optimizer.emplace(f.groups(), TrainConfig{}, *comm);
  load_checkpoint(path("step-00000002"), f.groups(), &*f.optimizer);
  EXPECT_FALSE(f.optimizer->has_averages());
}

TEST(Checkpoint, SaysWhereTheRunStood) {
  OneRank one;
  one.all.save(one.f.groups(), *one.f.optimizer, {7, 0.25, 5, 91, 1.375e-6, {0.5, 0.25, 30, 2, 1}}, false, 2);
  const Progression found = load_checkpoint(one.all.newest().value(), one.f.groups(), nullptr);
  EXPECT_EQ(found.step, 7);
  EXPECT_EQ(found.best_validation_loss, 0.25);
  EXPECT_EQ(found.best_step, 5);
  EXPECT_EQ(found.samples, 91);
  EXPECT_EQ(found.learning_rate, 1.375e-6);
  EXPECT_EQ(found.spikes, (SpikeGuard::State{0.5, 0.25, 30, 2, 1}));
}

/// All ranks go back to the same one, whoever found the damage.
TEST(Checkpoint, ResumesFromTheNewestWholeOne) {
  const TemporaryDirectory run;
  const auto to_resume = [&](const std::optional<std::string>& from = std::nullopt) {
    std::string name;
    comm::run_ranks(2, [&](comm::Comm& comm) {
      const auto found = Checkpoints(run.path(), comm).to_resume(from);
      if (comm.rank() == 1) name = found ? found->filename() : "";
    });
    return name;
  };
  EXPECT_EQ(to_resume(), "");
  EXPECT_ERROR(to_resume("step-00000001"), Exit::checkpoint, "no checkpoint 'step-00000001'",
               "there is none");
  comm::run_ranks(3, [&](comm::Comm& comm) {
    Fixture f(comm, 3);
    Checkpoints all(run.path(), comm);
    for (int step = 1; step <= 4; ++step)
      all.save(f.groups(), *f.optimizer, {step, 1.0}, step == 2, 4);
  });
  EXPECT_EQ(to_resume(), "step-00000004");
  EXPECT_EQ(to_resume("step-00000002"), "step-00000002");
  EXPECT_EQ(to_resume("best"), "step-00000002");
  EXPECT_ERROR(to_resume("step-00000009"), Exit::checkpoint, "no checkpoint 'step-00000009'",
               "step-00000001, step-00000002, step-00000003, step-00000004");
  std::filesystem::create_directory(run / "checkpoints/step-00000009.good");  // somebody's copy
  EXPECT_EQ(to_resume(), "step-00000004");

  damage(run / "checkpoints/step-00000004/rank-00001.safetensors");  // that of the second rank, of a share
  EXPECT_EQ(to_resume(), "step-00000003");
  EXPECT_ERROR(to_resume("step-00000004"), Exit::checkpoint, "rank-00001.safetensors", "corrupt");
  std::filesystem::remove(run / "checkpoints/step-00000003/rank-00002.safetensors");
  EXPECT_EQ(to_resume(), "step-00000002");
  write_text(run / "checkpoints/step-00000002/index.json", R"({"format": 1, "step": 2, "tensors": [],
             "files": {"rank-00000.safetensors": 5}})",
             Exit::bug);
  EXPECT_EQ(to_resume(), "step-00000001");
  std::filesystem::remove(run / "checkpoints/step-00000001/index.json");
  EXPECT_ERROR(to_resume(), Exit::checkpoint, "step-00000001/index.json", "No such file");
}

TEST(Checkpoint, GoingBackLosesNothing) {
  OneRank one;
  for (int step = 1; step <= 4; ++step)
    one.all.save(one.f.groups(), *one.f.optimizer, {step, 1.0 / step, step < 3 ? 1 : 3},
                 step == 1 || step == 3, 9);
  write_text(one.run / "metrics.jsonl", "{}\n", Exit::bug);

  EXPECT_TRUE(one.all.go_back_to({4, 1.0, 3}));
  EXPECT_FALSE(std::filesystem::exists(one.run / "set-aside-1"));
  EXPECT_EQ(one.all.best()->filename(), "step-00000003");

  EXPECT_TRUE(one.all.go_back_to({2, 1.0, 1}));
  EXPECT_EQ(names_in(one.run / "checkpoints"),
            (std::vector<std::string>{"best", "step-00000001", "step-00000002"}));
  EXPECT_EQ(names_in(one.run / "set-aside-1"), (std::vector<std::string>{"checkpoints", "metrics.jsonl"}));
  EXPECT_EQ(names_in(one.run / "set-aside-1/checkpoints"),
            (std::vector<std::string>{"step-00000003", "step-00000004"}));
  EXPECT_EQ(one.all.best()->filename(), "step-00000001");

  // The mark goes with what it marked; a second time, to another place.
  one.all.save(one.f.groups(), *one.f.optimizer, {5, 0.1, 5}, true, 9);
  std::filesystem::remove_all(one.run / "checkpoints/step-00000001");
  EXPECT_FALSE(one.all.go_back_to({2, 1.0, 1}));
  EXPECT_EQ(one.all.best(), std::nullopt);
  EXPECT_EQ(names_in(one.run / "set-aside-2/checkpoints"), std::vector<std::string>{"step-00000005"});
}

TEST(Checkpoint, TemporariesOfAKilledTrainingGo) {
  OneRank one;
  one.all.save(one.f.groups(), *one.f.optimizer, {1, 1.0}, true, 2);
  std::filesystem::create_directory(one.run / "checkpoints/.step-00000002.tmp");
  write_text(one.run / "checkpoints/.step-00000002.tmp/rank-00000.safetensors.77-1.tmp", "x", Exit::bug);
  std::filesystem::create_symlink("step-00000002", one.run / "checkpoints/.best.tmp");
  one.all.remove_temporaries();
  EXPECT_EQ(names_in(one.run / "checkpoints"), (std::vector<std::string>{"best", "step-00000001"}));
}

/// A place that cannot be written: one line, and the one there is stays.
TEST(Checkpoint, ThatCannotBeWrittenIsAnError) {
  const TemporaryDirectory run;
  write_text(run / "checkpoints", "a file", Exit::bug);
  comm::run_ranks(2, [&](comm::Comm& comm) {
    Fixture f(comm, 1);
    EXPECT_ERROR(Checkpoints(run.path(), comm).save(f.groups(), *f.optimizer, {1, 1.0}, true, 1),
                 Exit::checkpoint, "checkpoints", "cannot");
  });
}

}  // namespace
}  // namespace seqvit::train
