#include <algorithm>
#include <map>
#include <memory>
#include <numeric>

#include <ATen/Parallel.h>
#include <nlohmann/json.hpp>

#include "cli/bench_attention.h"
#include "cli/bench_longest.h"
#include "cli/bench_step.h"
#include "cli/command.h"
#include "cli/threads.h"
#include "cli/timing.h"
#include "comm/device.h"
#include "comm/phantom.h"
#include "core/error.h"
#include "core/log.h"
#include "core/median.h"
#include "core/profile.h"
#include "core/resident.h"
#include "core/stop.h"
#include "core/tensor.h"
#include "ops/allocate_only.h"
#include "ops/memory.h"
#include "plan/layouts.h"

namespace seqvit::cli {
namespace {

struct BenchCommand {
  BenchModel model;
  std::string json, memory;
  int64_t steps = 6;
  int64_t phantom = -1;  // the rank; -1: all ranks are real
  int64_t ranks = 0;     // what the layout should come to; 0: whatever it does
  bool attention = false, longest = false, confirm = false, no_attention = false;
};

void run_attention(const BenchCommand& command, const BenchProblem& problem) {
  const ModelConfig& model = problem.config.model;
  const auto json =
      bench_attention({problem.tokens(), model.embed_dim, model.num_heads, problem.config.train.batch_size},
                      compute_type(problem.config.train.precision), command.steps);
  auto number = [&](const char* key) { return json.at(key).get<double>(); };
  if (command.json != "-") {
    fmt::print(
        "{} tokens, {} heads of {}, {}, {} threads, {}:\n  forward  {:.4f} s, {:.2f} of the matrix product, "
        "{:.2f} x libtorch\n  backward {:.4f} s, {:.2f} of the matrix product, {:.2f} x libtorch\n",
        problem.tokens(), model.num_heads, json.at("head_dim").get<int64_t>(),
        to_string(problem.config.train.precision), at::get_num_threads(),
        json.at("kernel").get<std::string>(), number("forward_seconds"), number("forward_share_of_matmul"),
        number("forward_speedup_over_libtorch"), number("backward_seconds"),
        number("backward_share_of_matmul"), number("backward_speedup_over_libtorch"));
  }
  if (!command.json.empty()) write_json(json, command.json);
}

nlohmann::ordered_json per_step(const std::map<std::string, double>& totals, double steps) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const auto& [name, total] : totals)
    json[name] = total / steps;
  return json;
}

/// What the timed steps showed; sums over all of them.
struct Timed {
  std::vector<double> seconds, losses;  // of each step
  std::map<std::string, double> parts, bytes;
  int64_t peak = 0;

  double count() const { return static_cast<double>(seconds.size()); }
  double typical() const {
    // The first two warm caches up.
    return median(seconds.size() > 2 ? std::vector(seconds.begin() + 2, seconds.end()) : seconds);
  }
};

Timed time_steps(int64_t steps, BenchStep& step, const comm::Mesh& mesh) {
  const auto before = mesh.traffic();  // the first gathers of weights are no part of a step
  Timed timed;
  take_part_seconds();
  Progress progress;
  for (int64_t i = 0; i < steps && !(mesh.world().size() == 1 && stop_requested()); ++i) {
    timed.seconds.push_back(step());
    timed.losses.push_back(step.result().loss);
    timed.peak = std::max(timed.peak, ops::peak_tensor_bytes());  // since this step's backward() began
    progress.show(fmt::format("bench: step {}/{}  {:.3f} s", i + 1, steps, timed.seconds.back()));
  }
  timed.parts = take_part_seconds();
  double other = std::accumulate(timed.seconds.begin(), timed.seconds.end(), 0.0);
  for (const auto& [part, spent] : timed.parts)
    other -= spent;
  timed.parts["other"] = other;
  for (const auto& [purpose, traffic] : mesh.traffic()) {
    const auto old = before.find(purpose);
    const int64_t sent = traffic.bytes - (old == before.end() ? 0 : old->second.bytes);
    if (sent > 0) timed.bytes[purpose] = static_cast<double>(sent);
  }
  if (!mesh.device().is_cpu()) timed.peak = comm::device_peak_bytes(mesh.device());
  return timed;
}

/// What a run of bench is compared with: this machine's rate, and what the planner says of this rank.
nlohmann::ordered_json predictions(bool phantom, const BenchProblem& problem, const comm::Mesh& mesh,
                                   double rate) {
  const auto& [config, model] = problem;
  const plan::AttentionMemory attention = plan::attention_memory_here(config);
  const plan::Layout predicted = plan::predict_rank(
      plan::RankPart(model, config, mesh.world().rank()), model, config,
      plan::this_machine(config.train.precision, rate, mesh.world().size(), attention), attention);
  double seconds = predicted.time.total;
  if (phantom)  // waits for no message
    seconds -= predicted.time.parts.communication() + predicted.time.parts.bubble;
  return {{"predicted_peak_bytes", predicted.memory.peak}, {"predicted_seconds", seconds}};
}

void print_steps(const nlohmann::ordered_json& json, const Timed& timed, const train::StepMemory& memory) {
  fmt::print(
      "{} tokens, {} ranks x {} threads: {:.3f} s a step (median), {:.1f} GFLOP/s, {:.2f} of the matrix "
      "product; predicted {:.3f} s\n",
      json.at("tokens").get<int64_t>(), json.at("ranks").get<int>(), at::get_num_threads(), timed.typical(),
      json.at("flops_per_second").get<double>() / 1e9, json.at("share_of_matmul").get<double>(),
      json.at("predicted_seconds").get<double>());
  for (const auto& [part, spent] : timed.parts)
    fmt::print("  {:18} {:8.3f} s\n", part, spent / timed.count());
  const auto mebibytes = [](int64_t bytes) { return static_cast<double>(bytes) / (1 << 20); };
  fmt::print(
      "  memory of tensors: {:.1f} MiB before the step, {:.1f} kept for backward, {:.1f} at the peak; in all "
      "{:.1f}, predicted {:.1f}\n",
      mebibytes(memory.before), mebibytes(memory.kept), mebibytes(memory.peak), mebibytes(timed.peak),
      mebibytes(json.at("predicted_peak_bytes").get<int64_t>()));
  if (const auto device = json.at("device_peak_bytes").get<int64_t>(); device > 0)
    fmt::print("  memory of the device: {:.2f} GiB at the peak\n", static_cast<double>(device) / (1 << 30));
}

void run_steps(const BenchCommand& command, const BenchProblem& problem, comm::Comm& world) {
  const Config& config = problem.config;
  const bool phantom = command.phantom >= 0;
  const auto type = compute_type(config.train.precision);
  comm::Mesh mesh(world, config.parallel);
  if (mesh.device().is_cpu() && (phantom || world.rank() == 0)) say_if_slow(type);
  const double rate = matmul_rate(at::TensorOptions(type).device(mesh.device()));
  const int64_t peak_at_start = peak_resident_bytes();
  BenchStep step(config, problem.shape, mesh);
  const Timed timed = time_steps(command.steps, step, mesh);
  const int64_t peak_at_end = peak_resident_bytes();
  const double typical = timed.typical(), flops = step.operations() / typical;
  const train::StepMemory& memory = step.result().memory;
  nlohmann::ordered_json json = {
      {"tokens", problem.tokens()},
      {"ranks", world.size()},
      {"threads", at::get_num_threads()},
      {"attention_kernel", step.learner().model().attention_kernel()},
      {"seconds_per_step", typical},
      {"tokens_per_second", static_cast<double>(problem.tokens() * config.train.forecasts()) / typical},
      {"flops_per_second", flops},
      {"flop_convention", "3 x forward, 24 N h^2 + 4 N^2 h a layer, recomputation not counted"},
      {"matmul_flops_per_second", rate},
      {"share_of_matmul", flops / (rate * world.size())},
      {"peak_bytes", timed.peak},
      {"seconds_by_part", per_step(timed.parts, timed.count())},
      {"memory_bytes",
       {{"before_step", memory.before}, {"kept_for_backward", memory.kept}, {"step_peak", memory.peak}}},
      {"device", to_string(config.parallel.device)},
      {"device_peak_bytes", comm::device_peak_bytes(mesh.device())},
      {"start_rss_bytes", peak_at_start},
      {"peak_rss_bytes", peak_at_end},
      {"bytes_sent", per_step(timed.bytes, timed.count())},
      {"losses", timed.losses}};
  json.update(predictions(phantom, problem, mesh, rate));
  if (phantom) json["phantom_rank"] = command.phantom;
  if (!phantom && world.rank() != 0) return;
  if (command.json != "-") print_steps(json, timed, memory);
  if (!command.json.empty()) write_json(json, command.json);
}

void run_longest(const BenchCommand& command, const Config& config, comm::Comm& world) {
  const auto json = bench_longest(config, parse_bytes(command.memory, "--memory"), world, command.confirm);
  if (world.rank() != 0) return;
  if (command.json != "-") {
    fmt::print("longest sequence within {} a rank on {} ranks: {} tokens{}\n", command.memory, world.size(),
               json.at("longest_tokens").get<int64_t>(),
               !command.confirm                   ? ""
               : json.at("confirmed").get<bool>() ? ", confirmed by a step"
                                                  : ", NOT confirmed");
  }
  if (!command.json.empty()) write_json(json, command.json);
}

/// One rank of a layout of any size, its peers made up (comm/phantom.h).
void run_phantom(const BenchCommand& command, const BenchProblem& problem, const comm::Comm& world) {
  const ParallelConfig& p = problem.config.parallel;
  const int64_t ranks = p.ranks();
  if (world.size() > 1) fail(Exit::usage, "bench --phantom runs one rank alone; start it without mpirun");
  if (command.ranks != 0 && command.ranks != ranks) {
    fail(Exit::usage,
         "--ranks {}: parallel.pp {} x dp {} x sp {} x tp {} come to {}; change one of them to agree",
         command.ranks, p.pp, p.dp, p.sp, p.tp, ranks);
  }
  const auto phantom = comm::make_phantom_comm(static_cast<int>(ranks), static_cast<int>(command.phantom));
  const ops::AllocateOnly attention(command.no_attention ? ops::AllocateOnly::In::attention
                                                         : ops::AllocateOnly::In::nothing);
  run_steps(command, problem, *phantom);
}

void run_bench(const BenchCommand& command, const Invocation& invocation) {
  const BenchProblem problem = make_problem("bench", command.model, invocation.overrides);
  const bool phantom = command.phantom >= 0;
  if (!phantom && (command.ranks != 0 || command.no_attention))
    fail(Exit::usage, "bench: --ranks and --no_attention are for one rank of a layout; add --phantom RANK");
  if (phantom && (command.attention || command.longest))
    fail(Exit::usage, "bench --phantom times a step; leave --attention and --longest out");
  warn_if_oversubscribed(invocation.launch);
  if (phantom) return run_phantom(command, problem, invocation.launch.world());
  if (command.attention) return run_attention(command, problem);
  if (command.longest) return run_longest(command, problem.config, invocation.launch.world());
  run_steps(command, problem, invocation.launch.world());
}

}  // namespace

CommandBody add_bench(CLI::App& app) {
  auto options = std::make_shared<BenchCommand>();
  CLI::App* command = app.add_subcommand(
      "bench", "Time the training step of a configuration, or of a plain encoder of a shape");
  add_model(*command, options->model);
  command->add_option("--steps", options->steps, "Steps to time; the first two are left out of the median")
      ->check(CLI::PositiveNumber);
  options->model.others.push_back(
      command->add_option("--recompute", options->model.shape.recompute, "none, full or keep_attention"));
  command->add_flag("--attention", options->attention,
                    "Time attention alone, against a matrix product and libtorch's kernel");
  CLI::Option* longest = command->add_flag("--longest", options->longest,
                                           "Find the longest sequence that trains within --memory (attention "
                                           "and products allocate, do not compute)");
  command
      ->add_option("--memory", options->memory,
                   "With --longest: bound on the memory of tensors of each rank, as 8GiB")
      ->needs(longest);
  command->add_flag("--confirm", options->confirm, "With --longest: one real step of the length found")
      ->needs(longest);
  command
      ->add_option("--phantom", options->phantom,
                   "Run this rank alone of the layout that --parallel.* make, of any size, its peers made up")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--ranks", options->ranks, "With --phantom: the ranks that the layout must come to")
      ->check(CLI::PositiveNumber);
  command->add_flag(
      "--no_attention", options->no_attention,
      "With --phantom: our attention kernel allocates but does not compute, to learn the memory");
  command->add_option("--json", options->json,
                      "Write the figures as JSON to this file too (- for standard output)");
  return [options](const Invocation& invocation) { run_bench(*options, invocation); };
}

}  // namespace seqvit::cli
