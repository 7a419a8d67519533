#include <cmath>
#include <memory>

#include <ATen/Parallel.h>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "core/stop.h"
#include "core/version.h"
#include "data/calendar.h"
#include "generate/atmosphere.h"
#include "generate/atmosphere_file.h"
#include "generate/planet.h"

namespace seqvit {
namespace {

struct GenerateCommand {
  std::string output, json;
  std::string step = "6h";
  int64_t truncation = 42;
  double days = 365.0, spinup = 60.0;
  uint64_t seed = 1;
};

/// The command in whole steps.
struct Plan {
  double step_seconds = 0.0;
  int64_t spinup_steps = 0, times = 0;
};

Plan make_plan(const GenerateCommand& command) {
  const LeadTime step = LeadTime::parse(command.step);
  if (step.months > 0) fail(Exit::usage, "--step {}: expected hours or days, such as 6h", command.step);
  const auto seconds = static_cast<double>(step.seconds);
  const Plan plan{.step_seconds = seconds,
                  .spinup_steps = std::llround(std::ceil(command.spinup * kDaySeconds / seconds)),
                  .times = static_cast<int64_t>(command.days * kDaySeconds / seconds + 1e-9)};
  if (plan.times < 1) fail(Exit::usage, "--days {}: shorter than one step of {}", command.days, command.step);
  return plan;
}

/// Goes one step forward and says how far it has come.
class Run {
 public:
  Run(Atmosphere& atmosphere, const Plan& plan)
      : atmosphere_(atmosphere), plan_(plan), total_(plan.spinup_steps + plan.times - 1) {}

  void step() {
    if (stop_requested()) throw Error(Exit::success, "stopped; no file was written");
    atmosphere_.advance(plan_.step_seconds);
    ++done_;
    if (!progress_.due()) return;
    const double left =
        (seconds_now() - start_) / static_cast<double>(done_) * static_cast<double>(total_ - done_);
    progress_.show(fmt::format("{} day {:.1f} | {:.0f} model days an hour | {} left",
                               done_ <= plan_.spinup_steps ? "spin-up" : "output",
                               atmosphere_.time() / kDaySeconds, days_an_hour(), format_duration(left)));
  }

  double seconds() const { return seconds_now() - start_; }
  double days_an_hour() const {
    return static_cast<double>(done_) * plan_.step_seconds / kDaySeconds / (seconds() / 3600.0);
  }

 private:
  Atmosphere& atmosphere_;
  const Plan plan_;
  int64_t total_, done_ = 0;
  double start_ = seconds_now();
  Progress progress_;
};

void run_generate(const GenerateCommand& command, const Invocation& invocation) {
  reject_overrides(invocation, "generate");
  const int ranks = invocation.launch.world().size();
  if (ranks > 1) fail(Exit::usage, "generate: runs on one rank, found {}", ranks);
  const Plan plan = make_plan(command);
  std::vector<double> hours;
  for (int64_t n = 0; n < plan.times; ++n)
    hours.push_back(static_cast<double>(n) * plan.step_seconds / 3600.0);

  // The fields are too small for threads to pay, and a sum by several threads would change the last bit.
  at::set_num_threads(1);
  Atmosphere atmosphere(command.truncation, command.seed,
                        -static_cast<double>(plan.spinup_steps) * plan.step_seconds);
  AtmosphereFile file(
      command.output, atmosphere, hours,
      fmt::format("seqvit {} generate --truncation {} --days {} --spinup {} --step {} --seed {}", kVersion,
                  command.truncation, command.days, command.spinup, command.step, command.seed));
  Run run(atmosphere, plan);
  for (int64_t n = 0; n < plan.spinup_steps; ++n)
    run.step();
  for (int64_t n = 0; n < plan.times; ++n) {
    if (n > 0) run.step();
    file.write(n, atmosphere);
  }
  file.commit();

  const Grid& grid = atmosphere.grid();
  log_info("{}: {} times of {} on {} x {} points in {}", command.output, plan.times, command.step,
           grid.rows(), grid.columns(), format_duration(run.seconds()));
  if (!command.json.empty()) {
    write_json({{"file", command.output},
                {"truncation", command.truncation},
                {"rows", grid.rows()},
                {"columns", grid.columns()},
                {"times", plan.times},
                {"seconds", run.seconds()},
                {"model_days_per_hour", run.days_an_hour()}},
               command.json);
  }
}

}  // namespace

CommandBody add_generate(CLI::App& app) {
  auto options = std::make_shared<GenerateCommand>();
  CLI::App* command =
      app.add_subcommand("generate", "Make a synthetic atmosphere (shallow water on a sphere) as CF NetCDF");
  command->add_option("OUTPUT", options->output, "NetCDF file to write")->required();
  command
      ->add_option("--truncation", options->truncation,
                   "Largest wave number: 31 is 48 x 96 points, 42 is 64 x 128 (default), 85 is 128 x 256")
      ->check(CLI::Range(5, 511));
  command->add_option("--days", options->days, "Days to write (default 365)")->check(CLI::PositiveNumber);
  command->add_option("--spinup", options->spinup, "Days to run before the first one written (default 60)")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--step", options->step, "Time between fields (default 6h)");
  command->add_option("--seed", options->seed,
                      "Continents, mountains and jets are drawn from this (default 1)");
  command->add_option("--json", options->json,
                      "Write what was done as JSON to this file (- for standard output)");
  return [options](const Invocation& invocation) { run_generate(*options, invocation); };
}

}  // namespace seqvit
