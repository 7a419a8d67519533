#include "cli/run_model.h"

#include <filesystem>

#include "cli/threads.h"
#include "core/error.h"
#include "core/log.h"
#include "train/checkpoint.h"

namespace seqvit {

std::filesystem::path find_checkpoint(const RunOptions& options, Comm& world) {
  const Checkpoints all(options.run, world);
  std::optional<std::filesystem::path> found;
  if (options.checkpoint == "best") found = all.best();
  if (!found && (options.checkpoint == "best" || options.checkpoint == "last")) found = all.newest();
  if (found) return *found;
  const auto named = std::filesystem::path(options.run) / "checkpoints" / options.checkpoint;
  if (std::filesystem::exists(named / "index.json")) return named;
  fail(Exit::checkpoint, "{}: no checkpoint '{}'; train first, or name one of {}/checkpoints", options.run,
       options.checkpoint, options.run);
}

void add_run_options(CLI::App& command, RunOptions& options) {
  command.add_option("RUN", options.run, "Run directory made by `seqvit train`")->required();
  command.add_option("--checkpoint", options.checkpoint, "best (default), last, or step-NNNNNNNN");
}

RunModel::RunModel(const RunOptions& options, const Invocation& invocation, Periods periods)
    : experiment_(open_run(options.run, invocation.overrides, periods)),
      mesh_(invocation.launch.world(), experiment_.config.parallel),
      model_(experiment_.model_shape(), experiment_.config, mesh_),
      forecaster_(experiment_, model_) {
  warn_if_oversubscribed(invocation.launch);
  const auto checkpoint = find_checkpoint(options, mesh_.world());
  step_ = load_checkpoint(checkpoint, model_.vit().groups(), nullptr).step;
  log_info("using {}", checkpoint.string());
}

}  // namespace seqvit
