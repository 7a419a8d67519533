#include <algorithm>
#include <cmath>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>

#include <ATen/Parallel.h>
#include <ATen/ops/full.h>
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

namespace seqvit::cli {
namespace {

struct GenerateCommand {
  std::string output, json;
  std::string step = "6h";
  int64_t truncation = 42, parts = 1;
  double days = 365.0, spinup = 60.0;
  uint64_t seed = 1;
};

/// A part in whole steps.
struct Plan {
  double step_seconds = 0.0;
  int64_t spinup_steps = 0, times = 0;

  /// Step from the start of the calendar at which a part begins. The dates between two parts are as many as
  /// those of a part: no lead time that fits into a part reaches from one into another, so that readers
  /// cannot take fields of two for a pair.
  int64_t begin(int64_t part) const { return 2 * part * times; }
};

Plan make_plan(const GenerateCommand& command) {
  const data::LeadTime step = data::LeadTime::parse(command.step);
  if (step.months > 0) fail(Exit::usage, "--step {}: expected hours or days, such as 6h", command.step);
  const auto seconds = static_cast<double>(step.seconds);
  const Plan plan{.step_seconds = seconds,
                  .spinup_steps = std::llround(std::ceil(command.spinup * generate::kDaySeconds / seconds)),
                  .times = static_cast<int64_t>(command.days * generate::kDaySeconds / seconds + 1e-9)};
  if (plan.times < 1) fail(Exit::usage, "--days {}: shorter than one step of {}", command.days, command.step);
  return plan;
}

/// OUTPUT, or one of several as out-001.nc.
std::string file_of(const GenerateCommand& command, int64_t part) {
  if (command.parts == 1) return command.output;
  std::filesystem::path path = command.output;
  return path.replace_filename(
      fmt::format("{}-{:03}{}", path.stem().string(), part + 1, path.extension().string()));
}

/// One part on its way into its file. Nothing in it depends on how many parts there are or who makes them.
class Part {
 public:
  Part(const GenerateCommand& command, const Plan& plan, int64_t part)
      : plan_(plan),
        atmosphere_(command.truncation, command.seed,
                    static_cast<double>(plan.begin(part) - plan.spinup_steps) * plan.step_seconds,
                    static_cast<uint64_t>(part)),
        file_(file_of(command, part), atmosphere_, hours(plan, part), source(command, part)) {}

  /// Step `n`, counted from the start of the spin-up.
  void step(int64_t n) {
    if (n > 0) atmosphere_.advance(plan_.step_seconds);
    if (n >= plan_.spinup_steps) file_.write(n - plan_.spinup_steps, atmosphere_);
  }
  void commit() { file_.commit(); }
  const grid::Grid& grid() const { return atmosphere_.grid(); }

 private:
  static std::vector<double> hours(const Plan& plan, int64_t part) {
    std::vector<double> result;
    for (int64_t n = 0; n < plan.times; ++n)
      result.push_back(static_cast<double>(plan.begin(part) + n) * plan.step_seconds / 3600.0);
    return result;
  }
  static std::string source(const GenerateCommand& command, int64_t part) {
    std::string text =
        fmt::format("seqvit {} generate --truncation {} --days {} --spinup {} --step {} --seed {}", kVersion,
                    command.truncation, command.days, command.spinup, command.step, command.seed);
    return command.parts == 1 ? text : text + fmt::format(", part {}", part + 1);
  }

  const Plan& plan_;
  generate::Atmosphere atmosphere_;
  generate::AtmosphereFile file_;
};

/// All parts, one a rank at a time. Ranks go step by step together: they end together, whatever ends them, so
/// that none leaves half a file, and none waits long for another.
class Job {
 public:
  Job(const GenerateCommand& command, comm::Comm& world)
      : command_(command), plan_(make_plan(command)), world_(world) {}

  /// Whether it came to its end. What fails on some ranks is thrown on the first of them, when the others
  /// have given up their files.
  bool run() {
    for (int64_t first = 0; first < command_.parts; first += world_.size()) {
      if (!make_parts(first)) return false;
    }
    return true;
  }

  nlohmann::json report() const {
    std::vector<std::string> files;
    for (int64_t part = 0; part < command_.parts; ++part)
      files.push_back(file_of(command_, part));
    return {{"file", command_.output},
            {"files", files},
            {"truncation", command_.truncation},
            {"rows", grid_.rows()},
            {"columns", grid_.columns()},
            {"times", plan_.times * command_.parts},
            {"seconds", seconds()},
            {"model_days_per_hour", days_an_hour()}};
  }
  void log() const {
    const std::string last = command_.parts == 1 ? "" : " to " + file_of(command_, command_.parts - 1);
    log_info("{}{}: {} times of {} on {} x {} points in {}", file_of(command_, 0), last,
             plan_.times * command_.parts, command_.step, grid_.rows(), grid_.columns(),
             format_duration(seconds()));
  }

 private:
  enum State : int64_t { kGoing, kAskedToStop, kFailed };

  /// Part `first` and those after it on the ranks after the first.
  bool make_parts(int64_t first) {
    const int64_t number = first + world_.rank(), steps = plan_.spinup_steps + plan_.times;
    std::optional<Part> part;
    std::exception_ptr failure;
    for (int64_t n = 0; n <= steps; ++n) {
      try {
        if (n == 0 && number < command_.parts) part.emplace(command_, plan_, number);
        if (part) n < steps ? part->step(n) : part->commit();
      } catch (...) {
        failure = std::current_exception();
      }
      const State mine = failure ? kFailed : stop_requested() ? kAskedToStop : kGoing;
      const std::vector<int64_t> states = exchange(mine);
      const auto failed = std::find(states.begin(), states.end(), kFailed);
      if (failed != states.end()) {
        part.reset();
        world_.barrier("failure");
        if (failed - states.begin() == world_.rank()) std::rethrow_exception(failure);
        return false;
      }
      if (n < steps && std::find(states.begin(), states.end(), kAskedToStop) != states.end()) {
        log_info("stopped; {} of {} files were written", first, command_.parts);
        return false;
      }
      if (n < steps) steps_done_ += std::min<int64_t>(command_.parts - first, world_.size());
      if (progress_.due()) show_progress(first, n);
    }
    if (part) grid_ = part->grid();
    return true;
  }

  /// Every rank's state.
  std::vector<int64_t> exchange(State mine) {
    const Tensor all =
        world_.all_gather(at::full({1}, mine, at::kLong), comm::Counts(world_.size(), 1), "state").wait();
    return {all.const_data_ptr<int64_t>(), all.const_data_ptr<int64_t>() + all.numel()};
  }

  void show_progress(int64_t first, int64_t n) {
    const int64_t total = command_.parts * (plan_.spinup_steps + plan_.times);
    const double left =
        seconds() / static_cast<double>(steps_done_) * static_cast<double>(total - steps_done_);
    progress_.show(
        fmt::format("part {}/{} {} day {:.1f} | {:.0f} model days an hour | {} left", first + 1,
                    command_.parts, n <= plan_.spinup_steps ? "spin-up" : "output",
                    static_cast<double>(n - plan_.spinup_steps) * plan_.step_seconds / generate::kDaySeconds,
                    days_an_hour(), format_duration(left)));
  }

  double seconds() const { return seconds_now() - start_; }
  double days_an_hour() const {
    return static_cast<double>(steps_done_) * plan_.step_seconds / generate::kDaySeconds /
           (seconds() / 3600.0);
  }

  const GenerateCommand& command_;
  const Plan plan_;
  comm::Comm& world_;
  grid::Grid grid_;
  int64_t steps_done_ = 0;
  double start_ = seconds_now();
  Progress progress_;
};

void run_generate(const GenerateCommand& command, const Invocation& invocation) {
  reject_overrides(invocation, "generate");
  comm::Comm& world = invocation.launch.world();
  if (world.size() > command.parts) {
    fail(Exit::usage, "--parts {}: expected at least one part a rank, found {} ranks", command.parts,
         world.size());
  }
  // The fields are too small for threads to pay, and a sum by several threads would change the last bit.
  at::set_num_threads(1);
  comm::set_comm_timeout(
      generate::kDaySeconds);  // a step of the largest truncation takes longer than the usual limit
  Job job(command, world);
  if (!job.run()) return;
  job.log();
  if (!command.json.empty() && world.rank() == 0) write_json(job.report(), command.json);
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
  command
      ->add_option(
          "--parts", options->parts,
          "Independent runs of --days each over the same planet, one file each (OUTPUT out.nc: "
          "out-001.nc, ...), which ranks share; between their dates lies a gap as long as a part, so "
          "that no lead shorter than --days crosses it (default 1)")
      ->check(CLI::Range(1, 999));
  command->add_option("--spinup", options->spinup, "Days to run before the first one written (default 60)")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--step", options->step, "Time between fields (default 6h)");
  command->add_option("--seed", options->seed,
                      "Continents, mountains and jets are drawn from this (default 1)");
  command->add_option("--json", options->json,
                      "Write what was done as JSON to this file (- for standard output)");
  return [options](const Invocation& invocation) { run_generate(*options, invocation); };
}

}  // namespace seqvit::cli
