#include "train/verify.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>
#include <string>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/nan_to_num.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <nlohmann/json.hpp>

#include "comm/text.h"
#include "core/error.h"
#include "core/random.h"

namespace seqvit::train {
namespace {

using Pick = std::function<Tensor(const parallel::Section&, const AdamW::Moments&)>;

/// Whole weights (or their gradients) of my pipeline stage, by name: my share of each where it belongs,
/// summed over ranks.
Snapshot whole_of_stage(Learner& learner, comm::Mesh& mesh, const Pick& pick) {
  Snapshot all;
  for (size_t g = 0; g < learner.groups().size(); ++g) {
    parallel::ParamGroup& group = *learner.groups()[g];
    const comm::Comm& sharers = *group.sharding().data;
    for (size_t s = 0; s < group.sections().size(); ++s) {
      const parallel::Section& section = group.sections()[s];
      if (section.size == 0) continue;
      const Tensor values = pick(section, learner.optimizer().moments(g, s)).cpu();
      for (const auto& param : section.params)
        all.emplace(param->name(), at::zeros({parallel::elements_of(param->whole_shape())}, at::kDouble));
      // At stage 0 every rank has all: each still gives only its share.
      const Range mine = share(section.size, sharers.rank(), sharers.size());
      parallel::for_each_slice(
          section, mine, [&](const parallel::Param& param, Range elements, int64_t offset) {
            const Tensor& whole = all.at(param.name());
            param.cut().for_each_run(elements, {0, whole.numel()}, [&](Range run, int64_t first) {
              whole.narrow(0, first, run.size())
                  .copy_(values.narrow(0, offset + run.begin - elements.begin, run.size()));
            });
          });
    }
  }
  for (auto& [name, whole] : all)
    whole = mesh.stage().all_reduce(whole, "verify").wait();
  return all;
}

/// Those of all stages.
void add_params(Snapshot& snapshot, Learner& learner, comm::Mesh& mesh, const std::string& before,
                const std::string& after, const Pick& pick) {
  const Snapshot mine = whole_of_stage(learner, mesh, pick);
  for (int stage = 0; stage < mesh.pp().size(); ++stage) {
    nlohmann::json sizes;
    for (const auto& [name, whole] : mine)
      sizes[name] = whole.numel();
    sizes = nlohmann::json::parse(comm::broadcast_text(mesh.pp(), sizes.dump(), stage, "verify"));
    for (const auto& [name, size] : sizes.items()) {
      const Tensor own =
          stage == mesh.pp().rank() ? mine.at(name) : at::empty({size.get<int64_t>()}, at::kDouble);
      snapshot[before + name + after] = mesh.pp().broadcast(own, stage, "verify").wait();
    }
  }
}

/// Biases, norms, taps and positions, each element by a number of its own: at zero they would hide what they
/// scale.
void move_vectors(Learner& learner) {
  for (parallel::ParamGroup* group : learner.groups()) {
    std::set<const parallel::Param*> vectors;
    for (const parallel::Section& section : group->sections()) {
      for (const auto& param : section.params)
        if (section.kind == parallel::ParamKind::vector) vectors.insert(param.get());
    }
    group->load([&](const parallel::Param& param, Range elements, const Tensor& out) {
      if (!vectors.contains(&param)) return;
      const uint64_t key = random_key(0, "verify " + param.name());
      const Tensor values = at::empty({elements.size()}, at::kDouble);
      const int64_t whole = parallel::elements_of(param.whole_shape());
      param.cut().for_each_run(elements, {0, whole}, [&](Range run, int64_t first) {
        for (int64_t i = 0; i < run.size(); ++i)
          values.mutable_data_ptr<double>()[run.begin - elements.begin + i] =
              0.1 * normal(key, static_cast<uint64_t>(first + i));
      });
      out.add_(values.to(out.options()));
    });
  }
}

}  // namespace

VerifyProblem make_verify_problem(const Config& config, const model::ModelShape& real) {
  VerifyProblem problem{config, real, {}};
  Config& c = problem.config;
  const int64_t patch = std::min<int64_t>(c.model.patch_size, 4);
  c.train.precision = Precision::fp64;
  c.train.warmup_steps = 0;
  c.train.steps = 100, c.train.schedule_steps = 0;
  c.model.patch_size = patch;
  c.model.embed_dim = 4 * c.model.num_heads;
  // Parts of two blocks where the real ones have several, and an uneven one.
  const int64_t parts = c.parallel.pp * c.parallel.interleave;
  c.model.depth = std::min<int64_t>(c.model.depth, parts == 1 ? 2 : 2 * parts - 1);
  c.train.batch_size = c.parallel.dp * c.train.micro_batches + (c.parallel.dp > 1 ? 1 : 0);

  // Three patches in a row and enough rows for one to three patches a rank, the last overhanging on both
  // sides.
  const int64_t rows = std::max<int64_t>(2, c.parallel.sp * c.parallel.tp) * patch +
                       std::max<int64_t>(1, patch / 2),
                columns = 3 * patch - patch / 2;
  for (int64_t y = 0; y < rows; ++y)
    problem.grid.latitude.push_back(80.0 - 160.0 * static_cast<double>(y) / static_cast<double>(rows));
  for (int64_t x = 0; x < columns; ++x)
    problem.grid.longitude.push_back(5.0 * static_cast<double>(x));
  problem.shape.rows = rows, problem.shape.columns = columns;
  problem.shape.latitude = problem.grid.latitude, problem.shape.longitude = problem.grid.longitude;
  problem.shape.config = c.model;
  return problem;
}

LearnerBatch make_verify_fields(const VerifyProblem& problem) {
  const int64_t batch = problem.config.train.batch_size, steps = problem.config.train.longest_rollout();
  const int64_t rows = problem.shape.rows, columns = problem.shape.columns,
                targets = std::ssize(problem.shape.targets);
  auto normals = [&](const char* name, std::vector<int64_t> shape) {
    const uint64_t key = random_key(problem.config.train.seed, name);
    const Tensor out = at::empty(shape, at::kDouble);
    double* values = out.mutable_data_ptr<double>();
    for (int64_t i = 0; i < out.numel(); ++i)
      values[i] = normal(key, static_cast<uint64_t>(i));
    return out;
  };
  LearnerBatch fields{normals("verify input", {batch, problem.shape.inputs(), rows, columns}),
                      normals("verify condition", {batch, steps, problem.shape.conditions}),
                      normals("verify target", {batch, steps, targets, rows, columns}),
                      normals("verify scale", {batch, targets}),
                      normals("verify shift", {batch, targets}),
                      {},
                      {}};
  const auto forcings = std::ssize(problem.shape.feedback.forcings);
  if (steps > 1 && forcings > 0)
    fields.forced = normals("verify forced", {batch, steps - 1, forcings, rows, columns});
  for (const int64_t unseen : problem.shape.feedback.diagnostics)
    fields.input.select(1, unseen).zero_();
  if (steps > 1) {
    fields.missing = normals("verify missing", fields.input.sizes().vec()) > 1.3;
    fields.input.masked_fill_(fields.missing, 0.0);
  }
  // A fifth of the target is missing, unevenly: ranks and samples get different numbers of valid points.
  const Tensor hidden = normals("verify mask", fields.target.sizes().vec()) > 0.84;
  fields.target.masked_fill_(hidden, std::nan(""));
  return fields;
}

LearnerBatch part_of(const LearnerBatch& fields, const Learner& learner) {
  const Range samples = learner.my_samples(), rows = learner.model().slab().rows;
  return fields.mapped([&](const Tensor& whole) {
    Tensor mine = whole.slice(0, samples.begin, samples.end);
    if (whole.dim() > 3) mine = mine.slice(-2, rows.begin, rows.end);
    const auto& options = learner.model().options();
    return mine.contiguous().to(whole.is_floating_point() ? options : options.dtype(at::kBool));
  });
}

Snapshot take_snapshot(Learner& learner, comm::Mesh& mesh, const LearnerBatch& fields, int64_t steps) {
  if (steps > 0) move_vectors(learner);
  Snapshot snapshot;
  const LearnerBatch batch = part_of(fields, learner);
  const Range samples = learner.my_samples(), rows = learner.model().slab().rows;
  const LearnerBatch forecasts = learner.members_of(batch, 0, samples.begin);
  const Tensor prediction = learner.model().predict(forecasts.input, forecasts.condition.select(1, 0));
  const int64_t members = learner.members();
  Tensor whole = at::zeros_like(fields.target.select(1, 0).repeat_interleave(members, 0));
  if (learner.model().ends_model())
    whole.slice(0, samples.begin * members, samples.end * members)
        .slice(2, rows.begin, rows.end)
        .copy_(prediction);
  snapshot["prediction"] = mesh.world().all_reduce(whole.flatten(), "verify").wait();
  for (int64_t step = 0; step < steps; ++step) {
    const StepResult result = learner.backward(batch, step);
    snapshot["loss of step " + std::to_string(step + 1)] = at::full({1}, result.loss, at::kDouble);
    if (step == 0) {
      add_params(snapshot, learner, mesh, "gradient of ", "",
                 [](const parallel::Section& s, const AdamW::Moments&) { return s.gradient; });
    }
    learner.update(step, result);
  }
  const std::string after = " after " + std::to_string(steps) + " steps";
  add_params(snapshot, learner, mesh, "", after,
             [](const parallel::Section& s, const AdamW::Moments&) { return s.weight.detach(); });
  if (learner.optimizer().has_averages()) {
    add_params(snapshot, learner, mesh, "", " averaged" + after,
               [](const parallel::Section&, const AdamW::Moments& m) { return m.average; });
  }
  return snapshot;
}

Difference compare(const Snapshot& expected, const Snapshot& found) {
  check(expected.size() == found.size(), "snapshots of different models");
  Difference worst;
  for (const auto& [name, a] : expected) {
    const Tensor& b = found.at(name);
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

VerifyReport verify_layout(const VerifyProblem& problem, comm::Comm& world, int64_t steps, double tolerance) {
  const LearnerBatch fields = make_verify_fields(problem);
  comm::Mesh mesh(world, problem.config.parallel);
  Learner parallel(problem.shape, problem.config, problem.grid, mesh);
  const Snapshot found = take_snapshot(parallel, mesh, fields, steps);

  Tensor result = at::zeros({1}, at::kDouble);
  VerifyReport report;
  report.tolerance = tolerance;
  report.tensors = static_cast<int64_t>(found.size());
  if (world.rank() == 0) {
    Config serial = problem.config;
    serial.parallel = {};
    serial.parallel.zero = 0;
    serial.train.micro_batches = 1;
    serial.memory = {};
    const auto self = comm::make_self_comm();
    comm::Mesh one(*self, 1, 1, 1, 1);
    Learner reference(problem.shape, serial, problem.grid, one);
    report.worst = compare(take_snapshot(reference, one, fields, steps), found);
    result.fill_(report.worst.relative);
  }
  report.worst.relative = world.broadcast(result, 0, "verify").wait().item<double>();
  return report;
}

}  // namespace seqvit::train
