/// A layout as a job. The scripts run in tests/cli/plan_test.cpp.
#include "plan/job.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "phantom_step.h"

namespace seqvit::plan {
namespace {

Layout layout_of(const Config& config, double seconds) {
  Layout layout;
  layout.parallel = config.parallel;
  layout.time.total = seconds;
  return layout;
}

TEST(Job, SavesAsOftenAsYoungSays) {
  const StepCase one = make_case(16, {"train.batch_size=2", "parallel.dp=2", "parallel.tp=2", "parallel.sp=4",
                                      "train.steps=1000000", "parallel.zero=1", "train.ema=0.9"});
  const Machine machine = find_machine("frontier");
  const Job job = make_job(one.shape, one.config, layout_of(one.config, 0.25), machine);
  EXPECT_EQ(job.nodes, 2);
  EXPECT_EQ(job.ranks_per_node, 8);
  EXPECT_EQ(job.config.parallel.device, DeviceKind::cuda);
  // Weights, two moments and an average of 4 bytes: of the model as one rank has it.
  Config alone = one.config;
  alone.parallel = {};
  int64_t weights = 0;
  for (const WeightGroup& group : RankPart(one.shape, alone, 0).groups)
    weights += group.count * group.elements();
  const CheckpointPlan& saved = job.checkpoints;
  EXPECT_GE(saved.bytes, 16 * weights);
  EXPECT_LE(static_cast<double>(saved.bytes), 1.2 * 16 * static_cast<double>(weights))
      << "of tp both ranks have the vectors, the embedding and the head";
  EXPECT_NEAR(saved.failure_hours, 3150.0, 1.0);
  const double seconds = static_cast<double>(saved.every) * 0.25;
  EXPECT_NEAR(seconds * seconds, 2.0 * saved.seconds * 3600.0 * saved.failure_hours,
              0.02 * seconds * seconds);
  EXPECT_EQ(job.config.train.checkpoint_every, saved.every);
  EXPECT_LT(saved.useful, 1.0);

  // What ends before it would save saves at its end.
  Config few = one.config;
  few.train.steps = 7;
  EXPECT_EQ(make_job(one.shape, few, layout_of(few, 0.25), machine).config.train.checkpoint_every, 7);
}

TEST(Job, AsksForWhatTheLayoutNeeds) {
  const StepCase one =
      make_case(16, {"train.batch_size=2", "parallel.dp=2", "parallel.sp=8", "train.steps=500"});
  const auto script = [&](const char* machine, Scheduler scheduler) {
    const Machine m = find_machine(machine);
    return job_script(make_job(one.shape, one.config, layout_of(one.config, 0.5), m), m, scheduler,
                      "/scratch/a b/it's", 1.5);
  };
  const auto has = [](const std::string& text, const char* line) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\nis not in\n" << text;
  };
  const std::string slurm = script("frontier", Scheduler::slurm), pbs = script("a100", Scheduler::pbs);
  has(slurm, "#SBATCH --nodes=2 --ntasks=16 --ntasks-per-node=8 --cpus-per-task=7 --time=01:30:00\n");
  has(slurm, "#SBATCH --signal=TERM@300 --requeue");
  has(slurm, "cd '/scratch/a b/it'\\''s' || exit 4\n");
  has(slurm, "[ -d run/checkpoints/step-00000500 ] && exit 0\n");
  has(pbs, "#PBS -l select=2:ncpus=128:mpiprocs=8:ngpus=8\n");
  has(pbs, "(sleep 5100; pkill -TERM -x seqvit)");
  has(pbs, "mpiexec -n 16 --ppn 8 --depth=16 --cpu-bind depth");
  has(script("a100", Scheduler::mpirun), "mpirun -n 16 --bind-to none");
}

TEST(Job, WithoutTimeForAStepAndACheckpointIsRefused) {
  const StepCase one = make_case(16, {});
  const Machine machine = find_machine("a100");
  const Job job = make_job(one.shape, one.config, layout_of(one.config, 400.0), machine);
  EXPECT_THROW((void)job_script(job, machine, Scheduler::slurm, "/d", 0.2), Error);
  EXPECT_THROW((void)find_scheduler("lsf"), Error);
}

}  // namespace
}  // namespace seqvit::plan
