#include "train/verify.h"

#include <algorithm>
#include <cmath>
#include <string>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "core/error.h"
#include "core/random.h"

namespace seqvit {
namespace {

/// Whole flat vector of a section from everyone's share, cut into its weights.
void add_whole(Snapshot& snapshot, ParamGroup& group, const Section& section, const Tensor& mine,
               const std::string& before, const std::string& after) {
  const Tensor whole = group.sharding().stage == 0
                           ? mine
                           : group.sharding().data->all_gather(mine, section.counts, "verify").wait();
  int64_t at = 0;
  for (const auto& param : section.params) {
    snapshot.tensors.emplace_back(before + param->name() + after, whole.narrow(0, at, param->size()).clone());
    at += param->size();
  }
}

template <typename Pick>
void add_params(Snapshot& snapshot, Learner& learner, const std::string& before, const std::string& after,
                Pick pick) {
  for (ParamGroup* group : learner.groups()) {
    for (const Section& section : group->sections()) {
      if (section.size > 0) add_whole(snapshot, *group, section, pick(section), before, after);
    }
  }
}

Tensor my_part(const Tensor& whole, const Learner& learner, const Slab& slab) {
  return whole.slice(0, learner.my_samples().begin, learner.my_samples().end)
      .slice(2, slab.rows.begin, slab.rows.end);
}

}  // namespace

VerifyProblem make_verify_problem(const Config& config, const ModelShape& real) {
  VerifyProblem problem{config, real, {}};
  Config& c = problem.config;
  const int64_t patch = std::min<int64_t>(c.model.patch_size, 4);
  c.train.precision = Precision::fp64;
  c.train.warmup_steps = 0;
  c.train.steps = 100;
  c.model.patch_size = patch;
  c.model.embed_dim = 4 * c.model.num_heads;
  c.model.depth = std::min<int64_t>(c.model.depth, 2);
  c.train.batch_size = c.parallel.dp * c.train.micro_batches + (c.parallel.dp > 1 ? 1 : 0);

  // Three patches in a row and enough rows for one to three patches a rank, the last overhanging on both
  // sides.
  const int64_t rows = std::max<int64_t>(2, c.parallel.sp) * patch + std::max<int64_t>(1, patch / 2),
                columns = 3 * patch - patch / 2;
  for (int64_t y = 0; y < rows; ++y)
    problem.grid.latitude.push_back(80.0 - 160.0 * static_cast<double>(y) / static_cast<double>(rows));
  for (int64_t x = 0; x < columns; ++x)
    problem.grid.longitude.push_back(5.0 * static_cast<double>(x));
  problem.shape.rows = rows, problem.shape.columns = columns;
  problem.shape.config = c.model;
  return problem;
}

VerifyFields make_verify_fields(const VerifyProblem& problem) {
  const int64_t batch = problem.config.train.batch_size;
  auto normals = [&](const char* name, std::vector<int64_t> shape) {
    const uint64_t key = random_key(problem.config.train.seed, name);
    const Tensor out = at::empty(shape, at::kDouble);
    double* values = out.mutable_data_ptr<double>();
    for (int64_t i = 0; i < out.numel(); ++i)
      values[i] = normal(key, static_cast<uint64_t>(i));
    return out;
  };
  auto fields_of = [&](int64_t channels) {
    return std::vector<int64_t>{batch, channels, problem.shape.rows, problem.shape.columns};
  };
  const auto targets = static_cast<int64_t>(problem.shape.targets.size());
  VerifyFields fields{normals("verify input", fields_of(problem.shape.inputs)),
                      normals("verify condition", {batch, problem.shape.conditions}),
                      normals("verify target", fields_of(targets))};
  // A fifth of the target is missing, unevenly: ranks and samples get different numbers of valid points.
  const Tensor hidden = normals("verify mask", fields_of(targets)) > 0.84;
  fields.target.masked_fill_(hidden, std::nan(""));
  return fields;
}

Snapshot take_snapshot(Learner& learner, Mesh& mesh, const VerifyFields& fields, int64_t steps) {
  Snapshot snapshot;
  const Slab& slab = learner.model().slab();
  const LearnerBatch batch{my_part(fields.input, learner, slab).contiguous(),
                           fields.condition.slice(0, learner.my_samples().begin, learner.my_samples().end),
                           my_part(fields.target, learner, slab).contiguous()};
  {
    const at::NoGradGuard no_grad;
    Tensor whole = at::zeros_like(fields.target);
    my_part(whole, learner, slab).copy_(learner.model().vit().forward(batch.input, batch.condition));
    const Tensor sum = mesh.data().all_reduce(whole.flatten(), "verify").wait();
    snapshot.tensors.emplace_back("prediction", sum.clone());
  }
  for (int64_t step = 0; step < steps; ++step) {
    const double loss = learner.backward(batch, step);
    snapshot.tensors.emplace_back("loss of step " + std::to_string(step + 1),
                                  at::full({1}, loss, at::kDouble));
    if (step == 0) {
      add_params(snapshot, learner, "gradient of ", "", [](const Section& s) { return s.gradient; });
    }
    learner.update(step, loss);
  }
  add_params(snapshot, learner, "", " after " + std::to_string(steps) + " steps",
             [](const Section& s) { return s.weight.detach(); });
  return snapshot;
}

Difference compare(const Snapshot& expected, const Snapshot& found) {
  check(expected.tensors.size() == found.tensors.size(), "snapshots of different models");
  Difference worst;
  for (size_t t = 0; t < expected.tensors.size(); ++t) {
    const auto& [name, a] = expected.tensors[t];
    const Tensor& b = found.tensors[t].second;
    const Tensor error = at::nan_to_num((a - b).abs(), /*nan=*/INFINITY);
    const double scale = std::max(a.abs().max().item<double>(), 1e-300);
    const auto at_worst = error.argmax().item<int64_t>();
    const double relative = error[at_worst].item<double>() / scale;
    if (!(relative > worst.relative) && !worst.element.empty()) continue;
    worst = {relative, name + "[" + std::to_string(at_worst) + "]", a[at_worst].item<double>(),
             b[at_worst].item<double>()};
  }
  return worst;
}

VerifyReport verify_layout(const VerifyProblem& problem, Comm& world, int64_t steps, double tolerance) {
  const VerifyFields fields = make_verify_fields(problem);
  Mesh mesh(world, problem.config.parallel);
  Learner parallel(problem.shape, problem.config, problem.grid, mesh);
  const Snapshot found = take_snapshot(parallel, mesh, fields, steps);

  Tensor result = at::zeros({1}, at::kDouble);
  VerifyReport report;
  report.tolerance = tolerance;
  report.tensors = static_cast<int64_t>(found.tensors.size());
  if (world.rank() == 0) {
    Config serial = problem.config;
    serial.parallel = {};
    serial.parallel.zero = 0;
    serial.train.micro_batches = 1;
    serial.memory = {};
    const auto self = make_self_comm();
    Mesh one(*self, 1, 1, 1, 1);
    Learner reference(problem.shape, serial, problem.grid, one);
    report.worst = compare(take_snapshot(reference, one, fields, steps), found);
    result.fill_(report.worst.relative);
  }
  report.worst.relative = world.broadcast(result, 0, "verify").wait().item<double>();
  return report;
}

}  // namespace seqvit
