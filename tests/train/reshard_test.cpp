/// A checkpoint of any mesh goes on under any other, weights that tensor parallelism cuts, stages of a
/// pipeline, levels together in a token, hidden layers of the head and averages of weights included.
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include "comm/thread.h"
#include "support/temporary_directory.h"
#include "train/checkpoint.h"
#include "train/verify.h"

namespace seqvit::train {
namespace {

VerifyProblem problem_of(const ParallelConfig& parallel) {
  Config config;
  config.model.num_heads = 4, config.model.embed_dim = 16, config.model.depth = 3,
  config.model.patch_size = 2;
  config.model.tokens = Tokens::variable, config.model.patch_levels = 2, config.model.head_layers = 1;
  config.model.rotary = config.model.qk_norm = true, config.train.ema = 0.7;
  config.train.seed = 5, config.train.learning_rate = 1e-3, config.train.micro_batches = 2;
  model::ModelShape real;
  real.groups = {0, 1, 0}, real.targets = {0, 1, 2}, real.conditions = 4, real.seed = 5;
  VerifyProblem problem = make_verify_problem(config, real);
  problem.config.model.depth = problem.shape.config.depth = 3;
  problem.config.train.batch_size = 4;  // one sample of each of dp 2 x 2 micro-batches
  problem.config.parallel = parallel;
  return problem;
}

ParallelConfig mesh_of(int pp, int dp, int sp, int tp, int zero) {
  ParallelConfig parallel;
  parallel.pp = pp, parallel.dp = dp, parallel.sp = sp, parallel.tp = tp, parallel.zero = zero;
  return parallel;
}

/// Goes on from the newest checkpoint of `run`, if any, to `last` steps; saves; returns the weights.
Snapshot train_to(int64_t last, const ParallelConfig& parallel, const std::filesystem::path& run) {
  const VerifyProblem problem = problem_of(parallel);
  const LearnerBatch fields = make_verify_fields(problem);
  Snapshot result;
  comm::run_ranks(static_cast<int>(parallel.ranks()), [&](comm::Comm& world) {
    comm::Mesh mesh(world, parallel);
    Learner learner(problem.shape, problem.config, problem.grid, mesh);
    Checkpoints checkpoints(run, world);
    int64_t step = 0;
    if (const auto newest = checkpoints.newest())
      step = load_checkpoint(*newest, learner.groups(), &learner.optimizer()).step;
    for (; step < last; ++step)
      learner.update(step, learner.backward(part_of(fields, learner), step));
    checkpoints.save(learner.groups(), learner.optimizer(), {last, 1.0}, false, 1);
    const Snapshot mine = take_snapshot(learner, mesh, fields, 0);
    if (world.rank() == 0) result = mine;
  });
  return result;
}

TEST(Reshard, TrainingGoesOnUnderAnyMesh) {
  const TemporaryDirectory unbroken;
  const Snapshot expected = train_to(4, mesh_of(1, 1, 1, 1, 0), unbroken.path());
  EXPECT_TRUE(expected.contains("blocks.1.attn.q_norm.weight averaged after 0 steps"));
  const std::vector<ParallelConfig> meshes = {mesh_of(1, 1, 1, 2, 3), mesh_of(3, 1, 1, 1, 0),
                                              mesh_of(1, 1, 1, 3, 1), mesh_of(2, 1, 2, 2, 3),
                                              mesh_of(1, 1, 1, 1, 0), mesh_of(1, 2, 2, 1, 2)};
  for (size_t i = 0; i < meshes.size(); ++i) {
    const TemporaryDirectory run;
    train_to(2, meshes[i], run.path());
    train_to(3, meshes[(i + 1) % meshes.size()], run.path());
    const Difference worst = compare(expected, train_to(4, meshes[(i + 2) % meshes.size()], run.path()));
    EXPECT_LT(worst.relative, 1e-9) << "from mesh " << i << ": " << worst.element;
  }
}

}  // namespace
}  // namespace seqvit::train
