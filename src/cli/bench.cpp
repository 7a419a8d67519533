#include <algorithm>
#include <cmath>
#include <memory>

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/randn.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>

#include "cli/bench_attention.h"
#include "cli/command.h"
#include "cli/timing.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "core/stop.h"
#include "core/tensor.h"
#include "train/learner.h"

namespace seqvit {
namespace {

struct BenchCommand {
  std::string json;
  int64_t tokens = 4096, embed_dim = 384, depth = 4, num_heads = 6, batch_size = 1, steps = 6;
  std::string precision = "fp32", recompute = "none";
  bool attention = false;
};

/// A plain encoder of the shape asked for: one variable on a square-ish grid, patches of 8 x 8 (64 outputs a
/// token).
struct BenchProblem {
  Config config;
  ModelShape shape;
  Grid grid;
};

BenchProblem make_problem(const BenchCommand& b, const Invocation& invocation) {
  const std::string base = "{data: {files: [none], split: {train: [0, 1]}}, parallel: {zero: 0}}";
  std::vector<std::string> settings = {"model.patch_size=8", "train.warmup_steps=0"};
  auto set = [&](const char* key, const auto& value) {
    settings.push_back(fmt::format("{}={}", key, value));
  };
  set("model.embed_dim", b.embed_dim), set("model.depth", b.depth), set("model.num_heads", b.num_heads);
  set("train.batch_size", b.batch_size), set("train.precision", b.precision),
      set("memory.recompute", b.recompute);
  settings.insert(settings.end(), invocation.overrides.begin(), invocation.overrides.end());
  BenchProblem problem{parse_config(base, "bench", settings), {}, {}};
  int64_t rows = static_cast<int64_t>(std::sqrt(static_cast<double>(b.tokens)));
  while (b.tokens % rows != 0)
    --rows;
  const int64_t patch = problem.config.model.patch_size;
  problem.shape.rows = rows * patch, problem.shape.columns = b.tokens / rows * patch;
  problem.shape.inputs = 1, problem.shape.targets = {0};
  problem.shape.config = problem.config.model;
  for (int64_t y = 0; y < problem.shape.rows; ++y) {
    problem.grid.latitude.push_back(90.0 - 180.0 * (static_cast<double>(y) + 0.5) /
                                               static_cast<double>(problem.shape.rows));
  }
  problem.grid.longitude.resize(problem.shape.columns);
  for (int64_t x = 0; x < problem.shape.columns; ++x)
    problem.grid.longitude[x] = static_cast<double>(x);
  return problem;
}

void run_attention(const BenchCommand& command, at::ScalarType type) {
  const auto json = bench_attention(
      {command.tokens, command.embed_dim, command.num_heads, command.batch_size}, type, command.steps);
  auto number = [&](const char* key) { return json.at(key).get<double>(); };
  if (command.json != "-") {
    fmt::print(
        "{} tokens, {} heads of {}, {}, {} threads, {}:\n  forward  {:.4f} s, {:.2f} of the matrix product, "
        "{:.2f} x "
        "libtorch\n  backward {:.4f} s, {:.2f} of the matrix product, {:.2f} x libtorch\n",
        command.tokens, command.num_heads, json.at("head_dim").get<int64_t>(), command.precision,
        at::get_num_threads(), json.at("kernel").get<std::string>(), number("forward_seconds"),
        number("forward_share_of_matmul"), number("forward_speedup_over_libtorch"),
        number("backward_seconds"), number("backward_share_of_matmul"),
        number("backward_speedup_over_libtorch"));
  }
  if (!command.json.empty()) write_json(json, command.json);
}

void run_bench(const BenchCommand& command, const Invocation& invocation) {
  const BenchProblem problem = make_problem(command, invocation);
  if (command.attention) return run_attention(command, compute_type(problem.config.train.precision));
  Comm& world = invocation.launch.world();
  Mesh mesh(world, problem.config.parallel);
  const double rate = matmul_rate(compute_type(problem.config.train.precision));
  Learner learner(problem.shape, problem.config, problem.grid, mesh);
  const Slab& slab = learner.model().slab();
  const std::vector<int64_t> shape = {learner.my_samples().size(), 1, slab.rows.size(),
                                      problem.shape.columns};
  const LearnerBatch batch{at::randn(shape, learner.model().master()),
                           at::randn({shape[0], problem.shape.conditions}, learner.model().master()),
                           at::randn(shape, learner.model().master())};
  std::vector<double> seconds;
  Progress progress;
  for (int64_t step = 0; step < command.steps && !(world.size() == 1 && stop_requested()); ++step) {
    const double start = seconds_now();
    learner.update(step, learner.backward(batch, step));
    world.barrier("bench");
    seconds.push_back(seconds_now() - start);
    progress.show(fmt::format("bench: step {}/{}  {:.3f} s", step + 1, command.steps, seconds.back()));
  }
  if (seconds.size() > 2)
    seconds.erase(seconds.begin(), seconds.begin() + 2);  // the first two warm caches up
  const double step = median(seconds);
  const auto n = static_cast<double>(learner.model().token_grid().tokens()),
             h = static_cast<double>(command.embed_dim);
  const double flops =
      3.0 * static_cast<double>(command.depth * command.batch_size) * (24.0 * n * h * h + 4.0 * n * n * h);
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  nlohmann::ordered_json bytes = nlohmann::ordered_json::object();
  for (const auto& [purpose, traffic] : mesh.traffic()) {
    if (traffic.bytes > 0) bytes[purpose] = traffic.bytes / command.steps;
  }
  const nlohmann::ordered_json json = {
      {"tokens", learner.model().token_grid().tokens()},
      {"ranks", world.size()},
      {"threads", at::get_num_threads()},
      {"seconds_per_step", step},
      {"tokens_per_second", n * static_cast<double>(command.batch_size) / step},
      {"flops_per_second", flops / step},
      {"flop_convention", "3 x forward, 24 N h^2 + 4 N^2 h a layer, recomputation not counted"},
      {"matmul_flops_per_second", rate},
      {"share_of_matmul", flops / step / (rate * world.size())},
      {"peak_rss_bytes", static_cast<int64_t>(usage.ru_maxrss) * 1024},
      {"bytes_sent", bytes}};
  if (world.rank() != 0) return;
  if (command.json != "-") {
    fmt::print(
        "{} tokens, {} ranks x {} threads: {:.3f} s a step (median), {:.1f} GFLOP/s, {:.2f} of the matrix "
        "product\n",
        learner.model().token_grid().tokens(), world.size(), at::get_num_threads(), step, flops / step / 1e9,
        flops / step / (rate * world.size()));
  }
  if (!command.json.empty()) write_json(json, command.json);
}

}  // namespace

CommandBody add_bench(CLI::App& app) {
  auto options = std::make_shared<BenchCommand>();
  CLI::App* command =
      app.add_subcommand("bench", "Time the training step of a plain encoder of a given shape");
  command->add_option("--tokens", options->tokens, "Tokens of the sequence")->check(CLI::PositiveNumber);
  command->add_option("--embed_dim", options->embed_dim, "Width")->check(CLI::PositiveNumber);
  command->add_option("--depth", options->depth, "Blocks")->check(CLI::PositiveNumber);
  command->add_option("--num_heads", options->num_heads, "Heads")->check(CLI::PositiveNumber);
  command->add_option("--batch_size", options->batch_size, "Samples a step")->check(CLI::PositiveNumber);
  command->add_option("--steps", options->steps, "Steps to time; the first two are left out of the median")
      ->check(CLI::PositiveNumber);
  command->add_option("--precision", options->precision, "fp32, bf16 or fp64");
  command->add_option("--recompute", options->recompute, "none, full or keep_attention");
  command->add_flag("--attention", options->attention,
                    "Time attention alone, against a matrix product and libtorch's kernel");
  command->add_option("--json", options->json,
                      "Write the figures as JSON to this file too (- for standard output)");
  return [options](const Invocation& invocation) { run_bench(*options, invocation); };
}

}  // namespace seqvit
