#include "cli/run_model.h"

#include <algorithm>
#include <filesystem>

#include <fmt/ranges.h>

#include "cli/threads.h"
#include "core/error.h"
#include "core/log.h"
#include "train/checkpoint.h"

namespace seqvit::cli {

namespace {

std::filesystem::path find_checkpoint(const RunOptions& options, comm::Comm& world) {
  const train::Checkpoints all(options.run, world);
  std::optional<std::filesystem::path> found;
  if (options.checkpoint == "best") found = all.best();
  if (!found && (options.checkpoint == "best" || options.checkpoint == "last")) found = all.newest();
  if (found) return *found;
  const auto named = std::filesystem::path(options.run) / "checkpoints" / options.checkpoint;
  if (std::filesystem::exists(named / "index.json")) return named;
  fail(Exit::checkpoint, "{}: no checkpoint '{}'; train first, or name one of {}/checkpoints", options.run,
       options.checkpoint, options.run);
}

}  // namespace

void read_checkpoint(const RunOptions& options, comm::Comm& world,
                     const std::function<void(const std::filesystem::path&)>& read) {
  const auto checkpoint = find_checkpoint(options, world);
  try {
    read(checkpoint);
  } catch (const Error& error) {
    const bool damaged = std::string_view(error.what()).starts_with(checkpoint.string());
    if (!damaged || options.checkpoint != "best") throw;
    fail(error.code(), "{} (this is the best checkpoint; --checkpoint takes one of: {})", error.what(),
         fmt::join(train::Checkpoints(options.run, world).names(), ", "));
  }
  log_info("using {}", checkpoint.string());
}

void add_run_options(CLI::App& command, RunOptions& options) {
  command.add_option("RUN", options.run, "Run directory made by `seqvit train`")->required();
  command.add_option("--checkpoint", options.checkpoint, "best (default), last, or step-NNNNNNNN");
}

void add_ensemble_options(CLI::App& command, RunOptions& options) {
  command.add_option("--members", options.members, "Members of an ensemble (default: 1, a single forecast)")
      ->check(CLI::Range(int64_t{1}, int64_t{10'000}));
  command
      .add_option(
          "--perturbation", options.perturbation,
          "Perturb members' initial states by so many standard deviations of the change over one step")
      ->check(CLI::Range(0.0, 1000.0));
}

evaluate::Ensemble RunModel::ensemble(const RunOptions& options) const {
  const train::Experiment& e = experiment_;
  evaluate::Ensemble ensemble{options.members, options.perturbation, {}, e.config.train.seed};
  if (options.members == 1 && options.perturbation > 0.0)
    fail(Exit::usage, "--perturbation {}: of a single forecast; give --members too", options.perturbation);
  if (options.members > 1 && options.perturbation == 0.0 && e.config.model.noise_dim == 0) {
    fail(Exit::usage,
         "--members {}: all would be the same forecast; give --perturbation (about 0.3: standard deviations "
         "of "
         "the change over one step) to start them from different states, or a model trained with "
         "train.loss=crps",
         options.members);
  }
  if (options.members == 1 && e.config.model.noise_dim > 0)
    log_info("the model draws noise: this is one member of many; --members makes an ensemble");
  ensemble.unit.assign(e.dataset->variables().size(), 0.0);
  for (const int64_t target : e.targets) {
    const data::VariableInfo& variable = e.dataset->variables()[target];
    // A transformed variable's statistics are not in its own units; diagnostics are not where a forecast
    // starts from.
    if (variable.role == data::Role::state && variable.transform.identity())
      ensemble.unit[target] = e.statistics.tendencies.front()[target].std;
  }
  const bool perturbed = std::ranges::any_of(ensemble.unit, [](double unit) { return unit > 0.0; });
  if (options.perturbation > 0.0 && !perturbed) {
    fail(Exit::usage,
         "--perturbation {}: expected a target that a forecast starts from, found only those under "
         "data.transform and "
         "diagnostics, which are not perturbed; use a model trained with train.loss=crps",
         options.perturbation);
  }
  return ensemble;
}

RunModel::RunModel(const RunOptions& options, const Invocation& invocation, train::Periods periods)
    : experiment_(train::open_run(options.run, invocation.overrides, periods)),
      mesh_(invocation.launch.world(), experiment_.config.parallel),
      model_(experiment_.model_shape(), experiment_.config, mesh_),
      forecaster_(experiment_, model_) {
  warn_if_oversubscribed(invocation.launch);
  read_checkpoint(options, mesh_.world(), [this](const std::filesystem::path& checkpoint) {
    const bool averaged = experiment_.config.evaluate.average && train::has_average(checkpoint);
    const auto which = averaged ? train::Weights::averaged : train::Weights::raw;
    step_ = train::load_checkpoint(checkpoint, model_.vit().groups(), nullptr, which).step;
    if (averaged)
      log_info("weights are their moving average (--evaluate.average=false: those of step {})", step_);
  });
}

}  // namespace seqvit::cli
