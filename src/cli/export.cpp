#include "train/export.h"

#include <memory>

#include <nlohmann/json.hpp>

#include "cli/run_model.h"
#include "core/error.h"
#include "core/file.h"
#include "core/log.h"

namespace seqvit::cli {
namespace {

struct ExportCommand {
  RunOptions run;
  std::string output;
  bool raw = false;
};

/// What the weights do not say, from the run: its data need not be there.
train::Metadata describe_run(const std::filesystem::path& run) {
  const std::filesystem::path path = run / "manifest.json";
  const auto manifest =
      nlohmann::json::parse(read_text(path, Exit::checkpoint), nullptr, /*allow_exceptions=*/false);
  if (!manifest.is_object() || !manifest.contains("model")) {
    log_warn(
        "{}: does not describe the model, so `seqvit import` cannot read the file; `seqvit train --resume` "
        "writes it anew",
        path.string());
    return {};
  }
  return {{train::kModelKey, manifest.at("model").dump()},
          {train::kNormalizationKey, read_text(run / "normalization.json", Exit::checkpoint)}};
}

void run_export(const ExportCommand& command, const Invocation& invocation) {
  reject_overrides(invocation, "export");
  comm::Comm& world = invocation.launch.world();
  if (world.size() > 1)
    fail(Exit::usage, "export: expected one rank, found {}; start it without mpirun", world.size());
  const train::Metadata description = describe_run(command.run.run);
  read_checkpoint(command.run, world, [&](const std::filesystem::path& checkpoint) {
    const auto which = command.raw ? train::Weights::raw : train::Weights::averaged;
    const int64_t count = train::export_weights(checkpoint, command.output, description, which);
    const bool averaged = !command.raw && train::has_average(checkpoint);
    log_info("{}: {} weights{}", command.output, count,
             averaged ? ", their moving average (--raw: those of the step)" : "");
  });
}

}  // namespace

CommandBody add_export(CLI::App& app) {
  auto options = std::make_shared<ExportCommand>();
  CLI::App* command =
      app.add_subcommand("export", "Write a run's weights as one safetensors file with timm's names");
  add_run_options(*command, options->run);
  command->add_option("--output", options->output, "Safetensors file to write")->required();
  command->add_flag("--raw", options->raw,
                    "The weights of the step, where a checkpoint also has their moving average (train.ema)");
  return [options](const Invocation& invocation) { run_export(*options, invocation); };
}

}  // namespace seqvit::cli
