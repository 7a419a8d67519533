// Trains on tensors from memory, on any number of ranks, without a file: what a program of one's own calls.
//
//   train_in_memory [RANKS]     ranks as threads of this process (1); prints the first and the last loss
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/roll.h>
#include <ATen/ops/zeros.h>

#include "comm/thread.h"
#include "core/error.h"
#include "train/learner.h"
#include "train/verify.h"

using namespace seqvit;

int run(int ranks) {
  Config config;
  config.model.embed_dim = 32, config.model.depth = 2, config.model.patch_size = 2;
  config.model.predict = Predict::state, config.train.steps = 60, config.train.warmup_steps = 5,
  config.train.learning_rate = 3e-3;
  config.parallel.sp = ranks, config.parallel.sequence = Sequence::ring;
  validate(config, "train_in_memory");

  // Two variables on 8 x 16 points of equal weight; what is to be learned: the first, moved by one patch.
  const grid::Grid grid{std::vector<double>(8), std::vector<double>(16), grid::GridKind::index};
  const model::ModelShape shape{
      .rows = 8, .columns = 16, .groups = model::single_inputs(2), .targets = {0}, .config = config.model};

  double first = NAN, last = NAN;
  comm::run_ranks(ranks, [&](comm::Comm& world) {
    comm::Mesh mesh(world, config.parallel);
    train::Learner learner(shape, config, grid, mesh);
    for (int64_t step = 0; step < config.train.steps; ++step) {
      // The whole batch on every rank, here; a program that reads makes only its rank's part_of it.
      const Tensor fields = at::randn({8, 2, 8, 16}, at::detail::createCPUGenerator(step));
      const Tensor target = at::roll(fields.narrow(1, 0, 1), {2}, {3}).unsqueeze(1);  // [B, steps, T, Y, X]
      const train::LearnerBatch whole{
          fields, at::zeros({8, 1, 0}), target, at::full({8, 1}, 1.0), at::zeros({8, 1}), {}};
      const train::StepResult result = learner.backward(train::part_of(whole, learner), step);
      learner.update(step, result);
      if (world.rank() == 0) (step == 0 ? first : last) = result.loss;
    }
  });
  std::printf("%d ranks: loss %.12g at the first step, %.12g at the last\n", ranks, first, last);
  return last < 0.9 * first ? 0 : 1;
}

int main(int count, char** arguments) {
  try {
    return run(count > 1 ? std::atoi(arguments[1]) : 1);
  } catch (const Error& error) {
    std::fprintf(stderr, "train_in_memory: %s\n", error.what());
    return static_cast<int>(error.code());
  }
}
