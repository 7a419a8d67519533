#include "train/spike_guard.h"

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include "comm/thread.h"
#include "support/errors.h"
#include "train/verify.h"

namespace seqvit::train {
namespace {

TEST(SpikeGuard, AdmitsWhatIsNearItsRunningMean) {
  SpikeGuard guard(4.0);
  for (int step = 0; step < SpikeGuard::kFirst; ++step)
    EXPECT_TRUE(guard.admits(step == 3 ? 100.0 : 1.0, 2.0)) << "too early to judge";
  const double mean = guard.state().loss;
  EXPECT_NEAR(mean, (100.0 + 19.0) / 20.0, 1e-12) << "at first the plain mean";
  EXPECT_TRUE(guard.admits(3.9 * mean, 2.0));
  EXPECT_FALSE(guard.admits(4.1 * guard.state().loss, 2.0));
  EXPECT_FALSE(guard.admits(1.0, 8.1));
  EXPECT_EQ(guard.state().skipped, 2);
  const SpikeGuard::State before = guard.state();
  EXPECT_TRUE(guard.admits(1.0, 2.0));
  EXPECT_EQ(guard.state().in_a_row, 0);
  EXPECT_LT(guard.state().loss, before.loss);
  SpikeGuard resumed(4.0);
  resumed.set(before);
  EXPECT_TRUE(resumed.admits(1.0, 2.0));
  EXPECT_EQ(resumed.state(), guard.state());
}

TEST(SpikeGuard, NeverAdmitsWhatIsNotFinite) {
  SpikeGuard guard(4.0);
  for (int64_t i = 1; i <= SpikeGuard::kMostInARow; ++i) {
    EXPECT_FALSE(guard.has_failed());
    EXPECT_FALSE(i % 2 == 0 ? guard.admits(std::nan(""), 1.0) : guard.admits(1.0, INFINITY));
  }
  EXPECT_TRUE(guard.has_failed());
  EXPECT_TRUE(SpikeGuard(0.0).admits(std::nan(""), 1.0)) << "off";
}

/// On one rank and on four: a step with absurd targets changes neither weights nor moments, and the next goes
/// on.
TEST(SpikeGuard, ASkippedStepChangesNothing) {
  for (const auto& [dp, sp, zero] : {std::tuple{1, 1, 0}, {2, 2, 1}, {2, 2, 3}}) {
    Config config;
    config.model.num_heads = 2, config.train.skip_spikes = 5.0, config.train.ema = 0.5,
    config.train.batch_size = 2;
    config.parallel.dp = dp, config.parallel.sp = sp, config.parallel.zero = zero;
    model::ModelShape real;
    real.groups = model::single_inputs(2), real.targets = {0, 1}, real.conditions = 4;
    const VerifyProblem problem = make_verify_problem(config, real);
    const LearnerBatch fields = make_verify_fields(problem);
    LearnerBatch absurd = fields, broken = fields;
    absurd.target = fields.target * 1e4;
    broken.input = fields.input * INFINITY;
    comm::run_ranks(dp * sp, [&](comm::Comm& world) {
      comm::Mesh mesh(world, problem.config.parallel);
      Learner learner(problem.shape, problem.config, problem.grid, mesh);
      const auto step = [&](const LearnerBatch& of, int64_t number) {
        return learner.update(number, learner.backward(part_of(of, learner), number));
      };
      for (int64_t i = 0; i < SpikeGuard::kFirst; ++i)
        step(fields, i);
      const auto weights = [&] { return take_snapshot(learner, mesh, fields, 0); };
      const Snapshot before = weights();
      EXPECT_GT(step(absurd, 20), 5.0 * learner.guard().state().norm);
      EXPECT_FALSE(std::isfinite(step(broken, 21)));
      EXPECT_EQ(compare(before, weights()).relative, 0.0);
      EXPECT_EQ(learner.guard().state().skipped, 2);
      step(fields, 22);
      EXPECT_GT(compare(before, weights()).relative, 0.0);
      for (int64_t i = 1; i < SpikeGuard::kMostInARow; ++i)
        step(broken, 22 + i);
      expect_error(Exit::not_finite, {"10 steps in a row", "train.learning_rate"}, [&] { step(broken, 40); });
    });
  }
}

}  // namespace
}  // namespace seqvit::train
