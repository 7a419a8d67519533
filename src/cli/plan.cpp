#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <thread>

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "cli/bench_step.h"
#include "cli/command.h"
#include "cli/timing.h"
#include "core/error.h"
#include "core/file.h"
#include "core/tensor.h"
#include "plan/job.h"

namespace seqvit::cli {
namespace {

struct PlanCommand {
  std::string machine = "this", json;
  BenchModel model;
  int64_t ranks = 0;  // 0: a node, or the cores of this machine
  int64_t top = 10;
  std::string write, scheduler;  // a directory; by default mpirun here, slurm elsewhere
  double hours = 12.0;
};

/// What is planned for.
struct Problem : BenchProblem {
  plan::Machine machine;
  int64_t ranks = 0;
  plan::AttentionMemory attention = plan::AttentionMemory::separate;

  double tokens_of_step() const { return static_cast<double>(tokens() * config.train.forecasts()); }
};

/// What the search chooses cannot be set: it would be ignored.
void reject_choices(const std::vector<std::string>& overrides) {
  for (const std::string& text : overrides) {
    const std::string key = text.substr(0, text.find('='));
    const bool chosen = (key.starts_with("parallel.") && key != "parallel.device") ||
                        key == "memory.recompute" || key == "train.micro_batches";
    if (chosen)
      fail(Exit::usage,
           "plan: {} is what it chooses; leave --{} out, or look at one layout with `seqvit bench --phantom`",
           key, text);
  }
}

Problem plan_problem(const PlanCommand& command, const Invocation& invocation) {
  Problem problem;
  reject_choices(invocation.overrides);
  const bool here = command.machine == "this";
  if (!here)
    problem.machine = plan::find_machine(command.machine);  // a wrong name before anything takes time
  static_cast<BenchProblem&>(problem) = make_problem("plan", command.model, invocation.overrides);
  if (problem.config.model.network != Network::vit)
    fail(Exit::usage, "plan: knows transformers only; set model.network to vit");
  const auto cores = static_cast<int64_t>(std::max(1U, std::thread::hardware_concurrency()));
  problem.ranks = command.ranks > 0 ? command.ranks : here ? cores : problem.machine.ranks_per_node;
  if (!here) return problem;
  const Precision precision = problem.config.train.precision;
  say_if_slow(compute_type(precision));
  problem.attention = plan::attention_memory_here(problem.config);
  // Ranks share the cores, and so the rate that this process has with all of them.
  const double rate = matmul_rate(compute_type(precision)) / static_cast<double>(problem.ranks);
  problem.machine = plan::this_machine(precision, rate, problem.ranks, problem.attention);
  return problem;
}

nlohmann::ordered_json to_json(const plan::Layout& layout, const Problem& problem, bool hours) {
  const ParallelConfig& p = layout.parallel;
  nlohmann::ordered_json json = {
      {"parallel",
       {{"pp", p.pp},
        {"dp", p.dp},
        {"sp", p.sp},
        {"tp", p.tp},
        {"sequence", to_string(p.sequence)},
        {"ulysses", p.ulysses},
        {"interleave", p.interleave},
        {"zero", p.zero}}},
      {"recompute", to_string(layout.recompute)},
      {"micro_batches", layout.micro_batches},
      {"ranks", layout.ranks()},
      {"memory", layout.memory.parts.by_name()},
      {"peak_bytes", layout.memory.peak},
      {"seconds", layout.time.parts.by_name()},
      {"seconds_per_step", layout.time.total},
      {"tokens_per_second", problem.tokens_of_step() / layout.time.total},
      {"share_communicating", layout.time.parts.communication() / layout.time.total},
      {"settings", layout.settings()}};
  if (hours) {
    json["rank_hours"] =
        static_cast<double>(layout.ranks() * problem.config.train.steps) * layout.time.total / 3600.0;
  }
  return json;
}

void print_layouts(const nlohmann::ordered_json& layouts, const plan::LayoutPlan& plan) {
  const bool hours = layouts[0].contains("rank_hours");
  size_t width = 6;
  for (size_t i = 0; i < layouts.size(); ++i)
    width = std::max(width, plan::describe(plan.layouts[i].parallel).size());
  fmt::print("{:<{}} {:>4} {:>14} {:>5} {:>8} {:>9} {:>9} {:>5}{}\n", "layout", width, "zero", "recompute",
             "micro", "GiB/rank", "s/step", "tokens/s", "comm", hours ? " rank-hours" : "");
  for (size_t i = 0; i < layouts.size(); ++i) {
    const plan::Layout& layout = plan.layouts[i];
    fmt::print("{:<{}} {:>4} {:>14} {:>5} {:>8.2f} {:>9.4g} {:>9.4g} {:>4.0f}%",
               plan::describe(layout.parallel), width, layout.parallel.zero, to_string(layout.recompute),
               layout.micro_batches, static_cast<double>(layout.memory.peak) / (1 << 30), layout.time.total,
               layouts[i].at("tokens_per_second").get<double>(),
               100.0 * layouts[i].at("share_communicating").get<double>());
    fmt::print("{}\n", hours ? fmt::format(" {:>10.4g}", layouts[i].at("rank_hours").get<double>()) : "");
  }
}

void print(const Problem& problem, const plan::LayoutPlan& plan, const nlohmann::ordered_json& layouts) {
  fmt::print(
      "{} tokens, width {}, {} blocks, batch {}, {}: {} layouts on {} x {} of {:.0f} GiB, {} meshes fit\n",
      problem.tokens(), problem.config.model.embed_dim, problem.config.model.depth,
      problem.config.train.batch_size, to_string(problem.config.train.precision), plan.considered,
      problem.ranks, problem.machine.name, static_cast<double>(problem.machine.memory_bytes) / (1 << 30),
      plan.layouts.size());
  if (plan.layouts.empty()) {
    fmt::print("no layout fits; what comes nearest stands below\n");
  } else {
    print_layouts(layouts, plan);
    fmt::print("the first: {}\n", plan.layouts.front().settings());
  }
  if (!plan.rejected.empty()) fmt::print("rejected:\n");
  for (const plan::Rejected& each : plan.rejected)
    fmt::print("{:>8} x {}\n           nearest ({}): {}\n", each.count, each.reason, each.layout,
               each.nearest);
}

namespace fs = std::filesystem;

/// What can be known to be wrong before anything is planned.
void check_write(const PlanCommand& command) {
  if (command.write.empty()) return;
  if (command.model.config.empty())
    fail(Exit::usage, "plan: --write makes a job of a configuration; give its file");
  if (*command.model.tokens)
    fail(Exit::usage, "plan: --tokens is another length than that of the data; leave it out with --write");
  if (fs::exists(fs::path(command.write) / "job.sh"))
    fail(Exit::usage, "plan: {} is there already; give --write another directory",
         (fs::path(command.write) / "job.sh").string());
}

/// Writes the first layout as DIR/config.yaml and DIR/job.sh, and says what is in them.
void write_job(const PlanCommand& command, const Problem& problem, const plan::Layout& layout) {
  const plan::Scheduler scheduler = plan::find_scheduler(!command.scheduler.empty()       ? command.scheduler
                                                         : problem.machine.name == "this" ? "mpirun"
                                                                                          : "slurm");
  Config config = problem.config;
  // The job runs elsewhere.
  for (std::string& file : config.data.files)
    file = fs::absolute(file).lexically_normal().string();
  const plan::Job job = plan::make_job(problem.shape, std::move(config), layout, problem.machine);
  const fs::path directory = fs::absolute(command.write).lexically_normal();
  const std::string script = plan::job_script(job, problem.machine, scheduler, directory, command.hours);
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) fail(Exit::usage, "{}: cannot be made: {}", directory.string(), error.message());
  write_text(directory / "config.yaml", to_yaml(job.config), Exit::usage);
  write_text(directory / "job.sh", script, Exit::usage);
  fs::permissions(directory / "job.sh", fs::perms::owner_exec, fs::perm_options::add, error);
  if (command.json == "-") return;
  const plan::CheckpointPlan& saved = job.checkpoints;
  const double hours = static_cast<double>(job.config.train.steps) * job.seconds_per_step / 3600.0;
  fmt::print("{}: {} steps in {:.3g} h, {:.0f} jobs of {:g} h on {} nodes\n", (directory / "job.sh").string(),
             job.config.train.steps, hours, std::ceil(hours / command.hours), command.hours, job.nodes);
  fmt::print(
      "a checkpoint of {:.3g} GB every {} steps ({:.3g} min): takes {:.2g} s, failures every {:.3g} h; "
      "{:.1f} % of the time is useful (assumed: a node fails once in 6,300 h and writes 1 GB/s; "
      "docs/plan.md)\n",
      static_cast<double>(saved.bytes) * 1e-9, saved.every,
      static_cast<double>(saved.every) * job.seconds_per_step / 60.0, saved.seconds, saved.failure_hours,
      100.0 * saved.useful);
}

void run_plan(const PlanCommand& command, const Invocation& invocation) {
  if (invocation.launch.world().size() > 1)
    fail(Exit::usage, "plan computes on one process for any number of --ranks; start it without mpirun");
  check_write(command);
  const Problem problem = plan_problem(command, invocation);
  const plan::LayoutPlan plan =
      plan::plan_layouts(problem.shape, problem.config, problem.machine, problem.ranks, problem.attention);
  nlohmann::ordered_json layouts = nlohmann::json::array(), rejected = nlohmann::json::array();
  for (const plan::Layout& layout : plan.layouts) {
    if (std::ssize(layouts) == command.top) break;
    layouts.push_back(to_json(layout, problem, !command.model.config.empty()));
  }
  for (const plan::Rejected& each : plan.rejected)
    rejected.push_back(
        {{"reason", each.reason}, {"count", each.count}, {"nearest", each.nearest}, {"layout", each.layout}});
  if (command.json != "-") print(problem, plan, layouts);
  if (!command.write.empty()) {
    if (plan.layouts.empty()) fail(Exit::usage, "plan: no layout fits, so there is no job to write");
    write_job(command, problem, plan.layouts.front());
  }
  if (command.json.empty()) return;
  const nlohmann::ordered_json json = {
      {"machine", problem.machine.name},
      {"ranks", problem.ranks},
      {"memory_bytes_per_rank", problem.machine.memory_bytes},
      {"matmul_flops_per_second", problem.machine.rate(problem.config.train.precision)},
      {"tokens", problem.tokens()},
      {"considered", plan.considered},
      {"layouts", layouts},
      {"rejected", rejected}};
  write_json(json, command.json);
}

}  // namespace

CommandBody add_plan(CLI::App& app) {
  auto options = std::make_shared<PlanCommand>();
  CLI::App* command = app.add_subcommand(
      "plan", "Which layouts of a model fit a machine, how fast they should be, and why others do not fit");
  command->add_option(
      "--machine", options->machine,
      fmt::format("One of {} (default: this one, measured)", fmt::join(plan::machine_names(), ", ")));
  command->add_option("--ranks", options->ranks, "Ranks of the machine (default: one node)")
      ->check(CLI::PositiveNumber);
  add_model(*command, options->model);
  command->add_option("--top", options->top, "Layouts to show (default 10)")->check(CLI::PositiveNumber);
  command->add_option("--json", options->json,
                      "Write the layouts as JSON to this file too (- for standard output)");
  command->add_option("--write", options->write,
                      "Make the first layout a job: config.yaml and job.sh in this directory");
  command
      ->add_option("--scheduler", options->scheduler,
                   "What job.sh is for (default: mpirun for this machine, else slurm)")
      ->check(CLI::IsMember(plan::scheduler_names()));
  command->add_option("--hours", options->hours, "Wall-clock limit of a job (default 12)")
      ->check(CLI::PositiveNumber);
  return [options](const Invocation& invocation) { run_plan(*options, invocation); };
}

}  // namespace seqvit::cli
