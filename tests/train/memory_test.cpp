/// What a step holds and keeps.
#include "ops/memory.h"

#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include "train/verify.h"

namespace seqvit::train {
namespace {

VerifyProblem small_problem(Recompute recompute) {
  Config config;
  config.data.files = {"none"};
  config.data.split.train = {{"0", "1"}};
  config.model.depth = 2, config.model.num_heads = 2, config.model.embed_dim = 8, config.model.patch_size = 2;
  config.memory.recompute = recompute;
  model::ModelShape real;
  real.groups = model::single_inputs(2), real.targets = {0}, real.seed = 3;
  return make_verify_problem(config, real);
}

TEST(StepMemory, DoesNotGrowOverAThousandSteps) {
  ops::install_tensor_allocator();
  for (const Recompute recompute : {Recompute::none, Recompute::keep_attention}) {
    const VerifyProblem problem = small_problem(recompute);
    const LearnerBatch fields = make_verify_fields(problem);
    const auto self = comm::make_self_comm();
    comm::Mesh mesh(*self, 1, 1, 1, 1);
    Learner learner(problem.shape, problem.config, problem.grid, mesh);
    int64_t held = 0, peak = 0;
    StepResult result;
    for (int step = 0; step < 1000; ++step) {
      result = learner.backward(fields, step);
      learner.update(step, result);
      if (step == 10) held = ops::tensor_bytes(), peak = result.memory.peak;
    }
    // A block that the C library hands out again may be a little larger than asked for; one number kept a
    // step would be 60 KB.
    EXPECT_NEAR(static_cast<double>(ops::tensor_bytes()), static_cast<double>(held), 4096);
    EXPECT_NEAR(static_cast<double>(result.memory.peak), static_cast<double>(peak), 4096);
    EXPECT_GT(result.memory.kept, 0);
  }
}

TEST(StepMemory, RecomputationKeepsLess) {
  ops::install_tensor_allocator();
  std::vector<int64_t> kept;
  for (const Recompute recompute : {Recompute::none, Recompute::keep_attention, Recompute::full}) {
    const VerifyProblem problem = small_problem(recompute);
    const LearnerBatch fields = make_verify_fields(problem);
    const auto self = comm::make_self_comm();
    comm::Mesh mesh(*self, 1, 1, 1, 1);
    Learner learner(problem.shape, problem.config, problem.grid, mesh);
    kept.push_back(learner.backward(fields, 0).memory.kept);
  }
  EXPECT_GT(kept[0], kept[1]);
  EXPECT_GT(kept[1], kept[2]);
}

/// 128 variables of 1,024 patches: their tokens are 128 times those of the blocks.
TEST(StepMemory, TokensOfManyVariablesExistForATileOnly) {
  ops::install_tensor_allocator();
  std::vector<int64_t> peaks;
  for (const Recompute recompute : {Recompute::none, Recompute::full}) {
    VerifyProblem problem = small_problem(recompute);
    model::ModelShape& shape = problem.shape;
    shape.groups = model::single_inputs(128);
    shape.rows = shape.columns = 32, shape.config.patch_size = 1, shape.config.tokens = Tokens::aggregated;
    problem.grid = {std::vector<double>(32, 10.0), std::vector<double>(32, 0.0)};
    const LearnerBatch fields = make_verify_fields(problem);
    const auto self = comm::make_self_comm();
    comm::Mesh mesh(*self, 1, 1, 1, 1);
    Learner learner(shape, problem.config, problem.grid, mesh);
    peaks.push_back(learner.backward(fields, 0).memory.peak);
  }

  EXPECT_LT(peaks[1], peaks[0] / 4);
}

}  // namespace
}  // namespace seqvit::train
