/// What tensor and pipeline parallelism send in a step, against their formulas.
#include <gtest/gtest.h>

#include "comm/thread.h"
#include "train/verify.h"

namespace seqvit::train {
namespace {

VerifyProblem problem_of(const ParallelConfig& parallel, Recompute recompute, int64_t micro_batches) {
  Config config;
  config.model.num_heads = 4, config.model.embed_dim = 16, config.model.depth = 4,
  config.model.patch_size = 2;
  config.parallel = parallel, config.memory.recompute = recompute, config.train.micro_batches = micro_batches;
  model::ModelShape real;
  real.groups = model::single_inputs(1), real.targets = {0};
  VerifyProblem problem = make_verify_problem(config, real);
  problem.config.model.depth = problem.shape.config.depth = 4;
  return problem;
}

/// Bytes that `purpose` sends in a step's forward and backward, over all ranks.
int64_t sent(const VerifyProblem& problem, const char* purpose) {
  const ParallelConfig& p = problem.config.parallel;
  const LearnerBatch fields = make_verify_fields(problem);
  std::atomic<int64_t> total = 0;
  comm::run_ranks(static_cast<int>(p.ranks()), [&](comm::Comm& world) {
    comm::Mesh mesh(world, p);
    Learner learner(problem.shape, problem.config, problem.grid, mesh);
    auto so_far = [&] { return mesh.traffic()[purpose].bytes; };
    const int64_t before = so_far();
    learner.backward(part_of(fields, learner), 0);
    total += so_far() - before;
  });
  return total;
}

TEST(Traffic, OfTensorParallelismIsItsFormula) {
  for (const int tp : {2, 4}) {
    for (const int sp : {1, 2}) {
      ParallelConfig parallel;
      parallel.tp = tp, parallel.sp = sp, parallel.sequence = Sequence::ring;
      for (const auto& [recompute, passes] : {std::pair{Recompute::none, 8}, {Recompute::full, 11}}) {
        const VerifyProblem problem = problem_of(parallel, recompute, 1);
        // A rank sends L h (P-1)/P a pass, L tokens of its group; all ranks of all groups together N h (P-1).
        const int64_t elements = problem.shape.token_grid().tokens() * 16 * (tp - 1);
        EXPECT_EQ(sent(problem, "tp"), passes * elements * 4 * 8) << tp << " x " << sp;  // depth 4, fp64
      }
    }
  }
}

TEST(Traffic, OfThePipelineIsItsFormula) {
  for (const int pp : {2, 4}) {
    for (const int interleave : {1, 4 / pp}) {
      ParallelConfig parallel;
      parallel.pp = pp, parallel.interleave = interleave;
      const VerifyProblem problem = problem_of(parallel, Recompute::none, 4);
      // Every sample's tokens cross each boundary between chunks, and their gradient comes back.
      const int64_t elements = 4 * problem.shape.token_grid().tokens() * 16 * (pp * interleave - 1);
      EXPECT_EQ(sent(problem, "pp"), 2 * elements * 8) << pp << " x " << interleave;
    }
  }
}

}  // namespace
}  // namespace seqvit::train
