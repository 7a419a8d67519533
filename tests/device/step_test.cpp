/// What a training step costs beside its arithmetic: how often the host waits for the device.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "comm/thread.h"
#include "device/test_device.h"
#include "train/verify.h"

namespace seqvit::test_device {
namespace {

constexpr int64_t kMostWaits = 2;  ///< the loss, the gradient's norm

struct Case {
  const char* name;
  int64_t pp = 1, dp = 1, sp = 1;
  int64_t zero = 0;
  Recompute recompute = Recompute::none;
  Offload offload = Offload::none;
  Tokens tokens = Tokens::joint;
  int rollout = 1;
  int members = 1;
  bool local = false;
};

train::VerifyProblem problem_of(const Case& c) {
  Config config;
  config.data.files = {"none"};
  config.data.split.train = {{"0", "1"}};
  config.model.num_heads = 4, config.model.depth = 2, config.model.patch_size = 2;
  config.model.drop_path = 0.3, config.model.tokens = c.tokens;
  config.train.micro_batches = 2;
  config.parallel.pp = c.pp, config.parallel.dp = c.dp, config.parallel.sp = c.sp;
  config.parallel.zero = c.zero, config.parallel.sequence = Sequence::ring;
  config.parallel.device = DeviceKind::cuda;
  config.memory.recompute = c.recompute, config.memory.offload = c.offload;
  model::ModelShape real;
  real.groups = model::single_inputs(2), real.targets = {0, 1}, real.conditions = 2, real.seed = 3;
  if (c.rollout > 1) config.train.rollout_steps = {c.rollout};
  if (c.local) {
    config.model.local = Local::depthwise, config.model.embed_overlap = config.model.head_overlap = true;
    config.model.rotary = config.model.qk_norm = true;
  }
  if (c.members > 1) {
    config.model.noise_dim = 5;
    config.train.loss = Loss::crps, config.train.members = c.members;
  }
  return train::make_verify_problem(config, real);
}

/// Of each rank in a step after the first.
std::vector<Counts> counts_of(const Case& c) {
  const train::VerifyProblem problem = problem_of(c);
  const auto ranks = static_cast<int>(c.pp * c.dp * c.sp);
  std::vector<Counts> counts(ranks);
  comm::run_ranks(ranks, [&](comm::Comm& world) {
    comm::Mesh mesh(world, problem.config.parallel);
    train::Learner learner(problem.shape, problem.config, problem.grid, mesh);
    train::LearnerBatch batch = train::part_of(train::make_verify_fields(problem), learner);
    if (learner.model().ends_model())
      batch.weight = learner.loss().weight_of(batch.target);  // as the trainer
    for (int64_t step = 0; step < 2; ++step) {
      world.barrier("test");
      take_counts(mesh.device().index());
      learner.update(step, learner.backward(batch, step));
    }
    counts[world.rank()] = take_counts(mesh.device().index());
  });
  return counts;
}

TEST(Step, TheHostWaitsTwice) {
  say_where_the_host_waits(true);
  take_reports();
  const Case cases[] = {{"one rank"},
                        {.name = "full", .recompute = Recompute::full, .offload = Offload::host},
                        {.name = "variable", .tokens = Tokens::variable},
                        {.name = "rollout", .rollout = 2},
                        {.name = "neighbours", .local = true},
                        {.name = "members", .members = 2},
                        {.name = "dp", .dp = 2, .zero = 2},
                        {.name = "ring", .sp = 2, .zero = 3, .recompute = Recompute::keep_attention},
                        {.name = "pp", .pp = 2, .zero = 1}};
  for (const Case& c : cases) {
    for (const Counts& counts : counts_of(c)) {
      fmt::print("{}: {} kernels, {} host waits, {} bytes to the device, {} to the host\n", c.name,
                 counts.kernel_count(), counts.wait_count(), counts.bytes_to_device, counts.bytes_to_host);
      EXPECT_LE(counts.wait_count(), kMostWaits) << c.name;
      if (counts.wait_count() <= kMostWaits) continue;
      for (const auto& [where, number] : counts.waits)
        fmt::print("  {} x {}\n", number, where);
    }
  }
  say_where_the_host_waits(false);
  EXPECT_TRUE(take_reports().empty());
}

}  // namespace
}  // namespace seqvit::test_device
