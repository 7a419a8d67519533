#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "cli/run_climatology.h"
#include "cli/run_directory.h"
#include "cli/runs.h"
#include "cli/threads.h"
#include "cli/timing.h"
#include "comm/text.h"
#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "core/resident.h"
#include "core/tensor.h"
#include "core/watch.h"
#include "core/words.h"
#include "data/checksums.h"
#include "plan/fit.h"
#include "train/checkpoint.h"
#include "train/experiment.h"
#include "train/model_forecaster.h"
#include "train/trainer.h"
#include "train/verify.h"

namespace seqvit::cli {
namespace {

namespace fs = std::filesystem;

struct TrainOptions {
  std::string config, run, baseline;
  TrainSpan span;
};

/// A fresh run needs a directory of its own; a resumed one may find it empty.
void check_run_directory(const fs::path& run, bool resume) {
  if (!resume && fs::exists(run / "config.yaml")) {
    fail(Exit::usage, "{}: already holds a run; use --resume to go on with it, or another --run directory",
         run.string());
  }
}

/// The short form of `seqvit verify`: a run of several ranks starts only when its layout is proven.
void verify_or_fail(const Config& config, const model::ModelShape& shape, comm::Comm& world) {
  const Phase phase("proof of the layout");
  const train::VerifyReport report =
      train::verify_layout(train::make_verify_problem(config, shape), world, 1);
  if (!report.passed()) {
    fail(Exit::bug,
         "this layout differs from one rank by {:.1e} at {}; see `seqvit verify`, please report it",
         report.worst.relative, report.worst.element);
  }
  log_info("layout verified: {} tensors equal one rank's within {:.1e} (fp64, small size)", report.tensors,
           report.worst.relative);
}

void warn_of_overlap(const train::Experiment& e) {
  for (const auto& [name, period] : {std::pair{"validation", e.validation}, {"test", e.test}}) {
    const int64_t shared = std::min(period.end, e.train.end) - std::max(period.begin, e.train.begin);
    if (shared > 0)
      log_warn(
          "data.split.{} has {} times of data.split.train: scores on it do not tell how the model does "
          "on new data",
          name, shared);
  }
}

/// What the planner finds no room for is refused before hours go into it. As the first rank sees its machine.
void refuse_misfit(const train::Experiment& e, const Invocation& invocation) {
  const Config& config = e.config;
  if (!config.memory.must_fit || config.parallel.device != DeviceKind::cpu ||
      config.model.network != Network::vit)
    return;
  comm::Comm& world = invocation.launch.world();
  std::string why;
  if (world.rank() == 0)
    why = plan::misfit(e.model_shape(), config, plan::attention_memory_here(config),
                       memory_bytes() / invocation.launch.ranks_here());
  why = comm::broadcast_text(world, why, 0, "start");
  if (!why.empty()) fail(Exit::usage, "memory: {} (memory.must_fit=false tries it all the same)", why);
}

/// Every rank must see the same files.
void check_same_data(const data::Dataset& dataset, comm::Comm& world) {
  std::string mine;
  for (const std::string& path : dataset.paths())
    mine += fmt::format("{} {};", path, data::first_look(path));
  const auto all = comm::gather_text(world, mine, "data check");
  for (size_t rank = 1; rank < all.size(); ++rank) {
    if (all[rank] != all[0]) {
      fail(Exit::data,
           "data.files differ between ranks 0 and {}: names, sizes or content; give all ranks the same files",
           rank);
    }
  }
}

/// As the first rank sees it, for all of them.
bool has_checkpoints(const fs::path& run, comm::Comm& world) {
  const std::string count = std::to_string(train::Checkpoints(run, world).names().size());
  return comm::broadcast_text(world, count, 0, "start") != "0";
}

void train(const TrainOptions& options, const Invocation& invocation) {
  std::vector<std::string> settings = invocation.overrides;
  if (!options.baseline.empty()) settings.push_back("model.network=" + options.baseline);
  const Config config = load_config(options.config, settings);
  const fs::path run = run_directory(options.run, options.config);
  const bool finished = train_run(config, run, options.span, invocation);
  if (finished) log_info("{}: done; next: seqvit evaluate {}", run.string(), shell_word(run.string()));
}

}  // namespace

bool train_run(const Config& config, const fs::path& run, const TrainSpan& span,
               const Invocation& invocation) {
  comm::set_comm_timeout(config.parallel.timeout_seconds);
  auto phase = std::make_optional<Phase>("start-up");
  warn_if_oversubscribed(invocation.launch);
  check_run_directory(run, span.resume);
  comm::Comm& world = invocation.launch.world();
  comm::Mesh mesh(world, config.parallel);

  const bool goes_on = span.resume && (span.from || has_checkpoints(run, world));
  train::Experiment e =
      train::open_experiment(config, train::Periods{}, goes_on ? train::frame_of(run) : data::Frame{});
  for (const std::string& line : train::describe_periods(e))
    log_info("{}", line);
  warn_of_overlap(e);
  refuse_misfit(e, invocation);
  if (mesh.device().is_cpu() && world.rank() == 0) say_if_slow(compute_type(config.train.precision));
  if (world.size() > 1 && config.parallel.verify) verify_or_fail(config, e.model_shape(), world);
  check_same_data(*e.dataset, world);
  if (goes_on) {
    train::take_meaning(run, e);
  } else {
    e.statistics = shared_statistics(e, world);
  }
  std::optional<DirectoryLock> lock;
  if (world.rank() == 0) {
    make_directories(run, Exit::usage);
    lock.emplace(run, Exit::usage, "another training of this run is under way; wait for it, or stop it");
    remove_temporaries(run);
    train::Checkpoints(run, world).remove_temporaries();
  }
  train::Trainer trainer(e, mesh, run);
  if (goes_on) trainer.resume(span.from);
  world.barrier("start");  // every rank has looked at the directory before rank 0 fills it
  if (world.rank() == 0) write_run_directory(run, e, trainer.learner().model(), invocation);
  const grid::TokenGrid& grid = trainer.learner().model().token_grid();
  log_info("{}: {} x {} grid, {} tokens, {} parameters, {} samples, {} ranks", run.string(), grid.rows,
           grid.columns, grid.tokens(), trainer.learner().model().parameters(), trainer.samples(),
           world.size());
  phase.reset();
  trainer.run(span.stop_after);
  if (trainer.steps_done() < config.train.steps) return false;
  train::ModelForecaster forecaster(e, trainer.learner().model());
  keep_climatology(run, e, forecaster, invocation);
  return true;
}

CommandBody add_train(CLI::App& app) {
  auto options = std::make_shared<TrainOptions>();
  CLI::App* command = app.add_subcommand("train", "Train a model as a configuration says");
  command->add_option("CONFIG", options->config, "Configuration (YAML)")->required();
  command->add_option("--run", options->run, "Run directory (default: runs/<name of CONFIG>)");
  CLI::Option* resume = command->add_flag("--resume", options->span.resume,
                                          "Go on from the newest whole checkpoint; starts if there is none");
  command
      ->add_option("--from", options->span.from,
                   "Go on from this checkpoint (step-NNNNNNNN or best); newer ones are set aside in the run")
      ->needs(resume);
  command
      ->add_option("--baseline", options->baseline,
                   "Train this in the model's place, with as many weights: unet (model.network)")
      ->check(CLI::IsMember({"unet"}));
  command
      ->add_option("--stop-after", options->span.stop_after,
                   "Save and end after this step; the schedule stays that of train.steps")
      ->check(CLI::PositiveNumber);
  return [options](const Invocation& invocation) { train(*options, invocation); };
}

}  // namespace seqvit::cli
