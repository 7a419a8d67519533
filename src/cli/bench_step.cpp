#include "cli/bench_step.h"

#include <cmath>

#include <ATen/Context.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/core.h>

#include "cli/timing.h"
#include "core/error.h"
#include "data/levels.h"
#include "train/experiment.h"

namespace seqvit::cli {
namespace {

grid::Grid make_grid(const model::ModelShape& shape) {
  grid::Grid grid;
  for (int64_t y = 0; y < shape.rows; ++y)
    grid.latitude.push_back(90.0 - 180.0 * (static_cast<double>(y) + 0.5) / static_cast<double>(shape.rows));
  for (int64_t x = 0; x < shape.columns; ++x)
    grid.longitude.push_back(static_cast<double>(x));
  return grid;
}

}  // namespace

model::ModelShape bench_model(const Config& config, int64_t tokens) {
  std::vector<data::VariableInfo> variables;
  for (const std::string& name : config.data.variables)
    variables.push_back({.name = name, .attributes = {}, .units = "", .level = data::level_in_name(name)});
  model::ModelShape shape;
  shape.config = config.model;
  shape.periodic = true;  // as of a globe
  shape.groups = data::group_levels(variables, 0, config.model.patch_levels);
  for (size_t v = 0; v < variables.size(); ++v)
    shape.targets.push_back(static_cast<int64_t>(v));
  const int64_t patches = tokens / shape.tokens_per_patch();
  if (patches * shape.tokens_per_patch() != tokens) {
    fail(Exit::usage, "--tokens {}: expected a multiple of {}, the tokens of a patch", tokens,
         shape.tokens_per_patch());
  }
  auto rows = static_cast<int64_t>(std::sqrt(static_cast<double>(patches)));
  while (patches % rows != 0)
    --rows;
  shape.rows = rows * config.model.patch_size, shape.columns = patches / rows * config.model.patch_size;
  return shape;
}

void add_model(CLI::App& command, BenchModel& model) {
  command.add_option("CONFIG", model.config,
                     "Configuration (YAML); without it the shape by --tokens and so on");
  BenchShape& shape = model.shape;
  const auto size = [&](const char* name, int64_t& value, const char* what) {
    return command.add_option(name, value, what)->check(CLI::PositiveNumber);
  };
  model.tokens = size("--tokens", shape.tokens, "Tokens of the sequence");
  model.others = {size("--embed_dim", shape.embed_dim, "Width"), size("--depth", shape.depth, "Blocks"),
                  size("--num_heads", shape.num_heads, "Heads"),
                  size("--batch_size", shape.batch_size, "Samples a step"),
                  command.add_option("--precision", shape.precision, "fp32, bf16 or fp64")};
}

namespace {

/// The configuration of a shape, with settings from the command line on top.
Config shape_config(const BenchShape& b, const std::vector<std::string>& overrides) {
  const std::string base =
      "{data: {files: [none], variables: [field], split: {train: [0, 1]}}, parallel: {zero: 0}}";
  std::vector<std::string> settings = {"model.patch_size=8", "train.warmup_steps=0"};
  auto set = [&](const char* key, const auto& value) {
    settings.push_back(fmt::format("{}={}", key, value));
  };
  set("model.embed_dim", b.embed_dim), set("model.depth", b.depth), set("model.num_heads", b.num_heads);
  set("train.batch_size", b.batch_size), set("train.precision", b.precision);
  set("memory.recompute", b.recompute);
  settings.insert(settings.end(), overrides.begin(), overrides.end());
  return parse_config(base, "command line", settings);
}

}  // namespace

BenchProblem make_problem(const char* command, const BenchModel& model,
                          const std::vector<std::string>& overrides) {
  if (model.config.empty()) {
    const Config config = shape_config(model.shape, overrides);
    return {config, bench_model(config, model.shape.tokens)};
  }
  for (const CLI::Option* option : model.others) {
    if (option->count() == 0) continue;
    fail(Exit::usage, "{} {}: {} is the configuration's; change it by --model.*, --train.* or --memory.*",
         command, model.config, option->get_name());
  }
  const Config config = load_config(model.config, overrides);
  if (model.tokens->count() > 0) return {config, bench_model(config, model.shape.tokens)};
  return {config, train::open_experiment(config, train::Periods::none()).model_shape()};
}

BenchStep::BenchStep(const Config& config, const model::ModelShape& shape, comm::Mesh& mesh) : mesh_(mesh) {
  operations_ = shape.training_operations() * static_cast<double>(config.train.forecasts());
  learner_ = std::make_unique<train::Learner>(shape, config, make_grid(shape), mesh);
  // Every rank draws the whole fields and keeps its part: losses do not depend on the mesh.
  at::manual_seed(1);
  const Range samples = learner_->my_samples(), rows = learner_->model().slab().rows;
  auto draw = [&](std::vector<int64_t> sizes) {
    return at::randn(sizes, learner_->model().options().device(at::kCPU))
        .slice(0, samples.begin, samples.end);
  };
  const int64_t batch = config.train.batch_size;
  auto draw_rows = [&](size_t fields) {
    return draw({batch, static_cast<int64_t>(fields), shape.rows, shape.columns})
        .slice(2, rows.begin, rows.end)
        .clone()
        .to(learner_->model().options());
  };
  const int64_t steps = config.train.longest_rollout(), targets = std::ssize(shape.targets);
  batch_.input = draw_rows(shape.groups.size());
  batch_.condition = draw({batch, steps, shape.conditions}).to(learner_->model().options());
  batch_.target = draw_rows(shape.targets.size()).unsqueeze(1).expand({-1, steps, -1, -1, -1});
  const auto forcings = shape.feedback.forcings.size();
  if (steps > 1 && forcings > 0)
    batch_.forced = draw_rows(forcings).unsqueeze(1).expand({-1, steps - 1, -1, -1, -1});
  batch_.scale = at::full({samples.size(), targets}, 0.3, learner_->model().options());
  batch_.shift = at::zeros_like(batch_.scale);
}

double BenchStep::operator()() {
  return seconds_of([&] {
    result_ = learner_->backward(batch_, step_);
    learner_->update(step_++, result_);
    mesh_.world().barrier("bench");
  });
}

}  // namespace seqvit::cli
