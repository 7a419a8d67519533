#include "phantom_step.h"

#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <fmt/core.h>

#include "ops/memory.h"

namespace seqvit::plan {

StepCase make_case(int64_t columns, const std::vector<std::string>& overrides) {
  StepCase one;
  std::vector<std::string> settings = {"model.patch_size=2", "model.embed_dim=64", "model.num_heads=8",
                                       "model.depth=2",      "train.batch_size=1", "train.warmup_steps=0"};
  settings.insert(settings.end(), overrides.begin(), overrides.end());
  one.config = parse_config("{data: {files: [none], split: {train: [0, 1]}}}", "test", settings);
  one.shape.rows = 16 * one.config.model.patch_size,
  one.shape.columns = columns * one.config.model.patch_size;
  one.shape.groups = model::single_inputs(2), one.shape.targets = {0, 1}, one.shape.conditions = 3,
  one.shape.periodic = true;
  one.shape.config = one.config.model;
  return one;
}

int ranks_of(const Config& config) {
  return static_cast<int>(config.parallel.ranks());
}

StepMeasured run_step(const StepCase& one, comm::Comm& world) {
  grid::Grid grid{std::vector<double>(one.shape.rows), std::vector<double>(one.shape.columns, 0.0)};
  for (int64_t y = 0; y < one.shape.rows; ++y)
    grid.latitude[y] = 60.0 - 100.0 * static_cast<double>(y) / static_cast<double>(one.shape.rows);
  comm::Mesh mesh(world, one.config.parallel);
  train::Learner learner(one.shape, one.config, grid, mesh);
  const auto options = learner.model().options();
  const int64_t samples = learner.my_samples().size(), rows = learner.model().slab().rows.size();
  const auto fields = [&](int64_t n) { return at::randn({samples, n, rows, one.shape.columns}, options); };
  const int64_t targets = std::ssize(one.shape.targets), steps = one.config.train.longest_rollout();
  const train::LearnerBatch batch{fields(one.shape.inputs()),
                                  at::randn({samples, steps, one.shape.conditions}, options),
                                  fields(steps * targets).unflatten(1, {steps, targets}),
                                  at::full({samples, targets}, 0.3, options),
                                  at::full({samples, targets}, 0.0, options),
                                  {},
                                  {}};
  StepMeasured measured;
  for (parallel::ParamGroup* group : learner.groups()) {
    for (const parallel::Section& section : group->sections())
      if (section.size > 0)
        measured.weights.push_back({section.size, section.counts[group->sharding().data->rank()]});
  }
  const auto before = mesh.traffic();
  learner.update(0, learner.backward(batch, 0));
  measured.peak_bytes = ops::peak_tensor_bytes();
  for (const auto& [purpose, sent] : mesh.traffic()) {
    const auto old = before.find(purpose);
    const int64_t bytes = sent.bytes - (old == before.end() ? 0 : old->second.bytes);
    if (bytes > 0) measured.sent[purpose] = bytes;
  }
  return measured;
}

std::string name_of(const Config& config) {
  const ParallelConfig& p = config.parallel;
  return fmt::format("pp {} dp {} sp {} {} (ulysses {}) tp {} zero {} recompute {} micro {} depth {} {}",
                     p.pp, p.dp, p.sp, to_string(p.sequence), p.ulysses, p.tp, p.zero,
                     to_string(config.memory.recompute), config.train.micro_batches, config.model.depth,
                     to_string(config.train.precision));
}

}  // namespace seqvit::plan
