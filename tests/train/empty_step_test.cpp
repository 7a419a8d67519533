/// Targets that are missing everywhere: in a whole step, or in all that a rank, a micro-batch, a step of a
/// rollout or a variable has of it.
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "comm/thread.h"
#include "train/verify.h"

namespace seqvit::train {
namespace {

constexpr int64_t kBatch = 4;

VerifyProblem problem_of(const ParallelConfig& parallel, int64_t rollout) {
  Config config;
  config.model.num_heads = 4, config.model.embed_dim = 16, config.model.depth = 2,
  config.model.patch_size = 2;
  config.train.seed = 3, config.train.micro_batches = 2, config.train.rollout_steps = {rollout};
  model::ModelShape real;
  real.groups = model::single_inputs(2), real.targets = {0, 1}, real.target_weights = {1.0, 0.5};
  real.conditions = 2, real.seed = 3;
  VerifyProblem problem = make_verify_problem(config, real);
  problem.config.train.batch_size = kBatch;
  problem.config.parallel = parallel;
  return problem;
}

/// Targets [B, K, T, Y, X] of which a part is missing.
struct Gap {
  const char* name;
  std::function<Tensor(const Tensor& target)> part;
};

const std::vector<Gap>& gaps() {
  static const std::vector<Gap> all = {
      {"none", [](const Tensor& t) { return t.slice(0, 0, 0); }},
      {"everything", [](const Tensor& t) { return t; }},
      {"samples of the first data-parallel rank", [](const Tensor& t) { return t.slice(0, 0, kBatch / 2); }},
      {"one micro-batch of one rank", [](const Tensor& t) { return t.slice(0, 1, 2); }},
      {"the southern half", [](const Tensor& t) { return t.slice(-2, t.size(-2) / 2); }},
      {"the last step of the rollout", [](const Tensor& t) { return t.slice(1, t.size(1) - 1); }},
      {"one variable", [](const Tensor& t) { return t.slice(2, 0, 1); }}};
  return all;
}

/// Weights after a whole step, one with the gap, and another whole one; with the losses of the three.
Snapshot train(const VerifyProblem& problem, comm::Mesh& mesh, const Gap& gap) {
  Learner learner(problem.shape, problem.config, problem.grid, mesh);
  const LearnerBatch whole = make_verify_fields(problem);
  LearnerBatch gappy = whole;
  gappy.target = whole.target.clone();
  gap.part(gappy.target).fill_(std::nan(""));
  Tensor losses = at::zeros({3}, at::kDouble);
  for (int64_t step = 0; step < 3; ++step) {
    const LearnerBatch mine = part_of(step == 1 ? gappy : whole, learner);
    const StepResult result = learner.backward(mine, step);
    EXPECT_TRUE(std::isfinite(learner.update(step, result)));
    losses[step].fill_(result.loss);
  }
  Snapshot weights = take_snapshot(learner, mesh, whole, 0);
  weights["losses"] = losses;
  return weights;
}

ParallelConfig mesh_of(int pp, int dp, int sp, int tp, int zero) {
  ParallelConfig parallel;
  parallel.pp = pp, parallel.dp = dp, parallel.sp = sp, parallel.tp = tp, parallel.zero = zero;
  parallel.sequence = Sequence::ring;
  return parallel;
}

TEST(EmptyStep, CountsAlikeOnEveryMesh) {
  for (const int64_t rollout : {1, 2}) {
    for (const Gap& gap : gaps()) {
      const auto self = comm::make_self_comm();
      comm::Mesh one(*self, 1, 1, 1, 1);
      std::vector<ParallelConfig> meshes = {mesh_of(1, 1, 3, 1, 1), mesh_of(1, 2, 2, 1, 3)};
      if (rollout == 1) {  // forecasts are not fed back through a pipeline
        meshes.insert(meshes.end(), {mesh_of(1, 2, 1, 1, 0), mesh_of(1, 1, 1, 2, 2), mesh_of(2, 2, 1, 1, 3)});
      }
      for (const ParallelConfig& parallel : meshes) {
        const VerifyProblem problem = problem_of(parallel, rollout);
        VerifyProblem alone = problem;
        alone.config.parallel = mesh_of(1, 1, 1, 1, 0);
        const Snapshot expected = train(alone, one, gap);
        EXPECT_TRUE(expected.at("losses").isfinite().all().item<bool>()) << gap.name;
        comm::run_ranks(static_cast<int>(parallel.ranks()), [&](comm::Comm& world) {
          comm::Mesh mesh(world, parallel);
          const Snapshot found = train(problem, mesh, gap);
          const Difference worst = compare(expected, found);
          EXPECT_LT(worst.relative, 1e-9)
              << fmt::format("{}, rollout {}, pp {} dp {} sp {} tp {}: {}", gap.name, rollout, parallel.pp,
                             parallel.dp, parallel.sp, parallel.tp, worst.element);
        });
      }
    }
  }
}

/// Momentum and decay of weights rest too.
TEST(EmptyStep, ChangesNothing) {
  const VerifyProblem problem = problem_of(mesh_of(1, 1, 1, 1, 0), 1);
  const auto self = comm::make_self_comm();
  comm::Mesh mesh(*self, 1, 1, 1, 1);
  Learner learner(problem.shape, problem.config, problem.grid, mesh);
  LearnerBatch fields = part_of(make_verify_fields(problem), learner);
  const StepResult full = learner.backward(fields, 0);
  EXPECT_GT(full.weight, 0.0);
  learner.update(0, full);
  const auto state = [&] {
    std::vector<Tensor> all;
    for (size_t g = 0; g < learner.groups().size(); ++g) {
      for (size_t s = 0; s < 2; ++s) {
        const auto& moments = learner.optimizer().moments(g, s);
        for (const Tensor& part :
             {learner.groups()[g]->sections()[s].weight.detach(), moments.first, moments.second})
          all.push_back(part.clone());
      }
    }
    return all;
  };
  const std::vector<Tensor> before = state();
  fields.target.fill_(std::nan(""));
  const StepResult empty = learner.backward(fields, 1);
  EXPECT_EQ(empty.loss, 0.0);
  EXPECT_EQ(empty.weight, 0.0);
  EXPECT_EQ(learner.update(1, empty), 0.0);
  const std::vector<Tensor> after = state();
  for (size_t i = 0; i < before.size(); ++i)
    EXPECT_TRUE(at::equal(before[i], after[i])) << i;
}

}  // namespace
}  // namespace seqvit::train
