// A sequence strategy of one's own, and the proof that it computes what one rank computes.
//
//   new_strategy [RANKS]     ranks as threads (default 3); the largest difference from one rank, in fp64
#include <cstdio>
#include <cstdlib>

#include "comm/thread.h"
#include "core/error.h"
#include "grid/partition.h"
#include "ops/attention.h"
#include "parallel/collectives.h"
#include "train/verify.h"

using namespace seqvit;

/// Every rank gathers all keys and values and attends with its own queries. Sends 2 L h (P-1) elements
/// forward, as many backward.
class GatherEverything final : public parallel::SequenceParallel {
 public:
  GatherEverything(comm::Comm& comm, comm::Counts token_counts)
      : comm_(comm), token_counts_(std::move(token_counts)) {}
  Tensor attend(Tensor q, Tensor k, Tensor v) const override {
    const auto all = parallel::all_gather({k, v}, 2, token_counts_, comm_, "gather everything");
    return ops::attention(q, all[0], all[1]);
  }

 private:
  comm::Comm& comm_;
  comm::Counts token_counts_;  // of each rank
};

int run(int ranks) {
  Config config;
  config.model.embed_dim = 16, config.model.depth = 2, config.model.patch_size = 2;
  config.parallel.sp = ranks;
  model::ModelShape shape;
  shape.groups = model::single_inputs(2), shape.targets = {0, 1}, shape.conditions = 4;
  const train::VerifyProblem problem = train::make_verify_problem(config, shape);
  const train::LearnerBatch fields = train::make_verify_fields(problem);

  // Prediction, losses, every gradient, weights after three steps: on one rank, then on all with the
  // strategy.
  const auto snapshot = [&](comm::Comm& world, bool ours) {
    Config layout = problem.config;
    if (!ours) layout.parallel.sp = 1;
    comm::Mesh mesh(world, layout.parallel);
    std::unique_ptr<parallel::SequenceParallel> strategy;
    if (ours)
      strategy = std::make_unique<GatherEverything>(mesh.sp(),
                                                    grid::token_counts(problem.shape.token_grid(), ranks));
    train::Learner learner(problem.shape, layout, problem.grid, mesh, std::move(strategy));
    return train::take_snapshot(learner, mesh, fields, 3);
  };
  const auto self = comm::make_self_comm();
  const train::Snapshot expected = snapshot(*self, false);
  train::Difference worst;
  comm::run_ranks(ranks, [&](comm::Comm& world) {
    const train::Snapshot found = snapshot(world, true);
    if (world.rank() == 0) worst = train::compare(expected, found);
  });
  std::printf("%d ranks: %zu tensors, worst difference %.2g in %s\n", ranks, expected.size(), worst.relative,
              worst.element.c_str());
  return worst.relative <= 1e-9 ? 0 : 1;
}

int main(int count, char** arguments) {
  try {
    return run(count > 1 ? std::atoi(arguments[1]) : 3);
  } catch (const Error& error) {
    std::fprintf(stderr, "new_strategy: %s\n", error.what());
    return static_cast<int>(error.code());
  }
}
