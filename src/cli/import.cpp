#include "train/import.h"

#include <charconv>
#include <memory>

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "cli/run_directory.h"
#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "core/words.h"
#include "train/checkpoint.h"
#include "train/import_normalization.h"
#include "train/learner.h"

namespace seqvit::cli {
namespace {

namespace fs = std::filesystem;

struct ImportCommand {
  std::string config, weights, run, source_grid, json;
  std::string normalization = "source";
};

/// "14x14" as patch rows and columns.
std::optional<train::PatchRowsColumns> parse_source_grid(const std::string& text) {
  if (text.empty()) return std::nullopt;
  train::PatchRowsColumns grid;
  const char* const end = text.data() + text.size();
  const auto rows = std::from_chars(text.data(), end, grid.first);
  const bool has_rows = rows.ec == std::errc() && rows.ptr != end && *rows.ptr == 'x';
  const auto columns = std::from_chars(has_rows ? rows.ptr + 1 : end, end, grid.second);
  const bool whole = has_rows && columns.ec == std::errc() && columns.ptr == end;
  if (!whole || grid.first < 1 || grid.second < 1)
    fail(Exit::usage, "--source_grid: expected ROWSxCOLUMNS of patches, such as 14x14, found '{}'", text);
  return grid;
}

/// A run directory under another name until it is whole.
class NewRun {
 public:
  explicit NewRun(fs::path run) : run_(std::move(run)) {
    const fs::path named = run_.has_filename() ? run_ : run_.parent_path();
    temporary_ = named.parent_path() / ("." + named.filename().string() + ".import");
    std::error_code missing;
    if (fs::exists(run_) && !fs::is_empty(run_, missing))
      fail(Exit::usage, "{}: is there already; import into a new --run directory", run_.string());
    fs::remove_all(temporary_, missing);
  }
  ~NewRun() {
    std::error_code ignored;
    fs::remove_all(temporary_, ignored);
  }
  NewRun(const NewRun&) = delete;
  NewRun& operator=(const NewRun&) = delete;

  const fs::path& path() const { return temporary_; }
  void commit() {
    std::error_code error;
    fs::rename(temporary_, run_, error);
    if (error) fail(Exit::checkpoint, "{}: cannot make it: {}", run_.string(), error.message());
  }

 private:
  fs::path run_, temporary_;
};

/// "blocks.*, head.bias, norm.bias": the many weights of blocks as one.
std::string names_of(const std::vector<std::string>& weights) {
  std::vector<std::string> names;
  for (const std::string& weight : weights) {
    const std::string name = weight.starts_with("blocks.") ? "blocks.*" : weight;
    if (names.empty() || names.back() != name) names.push_back(name);
  }
  return names.empty() ? "none" : fmt::format("{} ({})", weights.size(), fmt::join(names, ", "));
}

void run_import(const ImportCommand& command, const Invocation& invocation) {
  const Config config = load_config(command.config, invocation.overrides);
  const auto grid = parse_source_grid(command.source_grid);
  comm::Comm& world = invocation.launch.world();
  if (world.size() > 1)
    fail(Exit::usage, "import: expected one rank, found {}; start it without mpirun", world.size());
  const fs::path run = run_directory(command.run, command.config);
  NewRun made(run);

  train::Experiment e = train::open_experiment(config);
  Config alone = config;  // a checkpoint knows no mesh: training takes it to the configuration's
  alone.parallel = ParallelConfig{.zero = 0};
  comm::Mesh mesh(world, alone.parallel);
  train::Learner learner(e.model_shape(), alone, e.dataset->grid(), mesh);
  const train::ImportReport report =
      train::import_weights(command.weights, grid, train::describe(e), learner.groups());

  e.statistics = shared_statistics(e, world);
  const train::NormalizationReport normalization = command.normalization == "source"
                                                       ? train::take_normalization(command.weights, e)
                                                       : train::new_normalization(e);
  write_run_directory(made.path(), e, learner.model(), invocation);
  const nlohmann::ordered_json json = {
      {"file", fs::absolute(command.weights).string()},
      {"checksum_xxh3", file_checksum(command.weights, Exit::checkpoint)},
      {"taken", report.taken},
      {"resampled", report.resampled},
      {"initial", report.initial},
      {"unused", report.unused},
      {"normalization", {{"source", normalization.source}, {"new", normalization.made}}}};
  write_text(made.path() / "import.json", json.dump(2) + "\n", Exit::checkpoint);
  train::Checkpoints(made.path(), world)
      .save(learner.groups(), learner.optimizer(), {}, /*is_best=*/false, 1);
  made.commit();
  log_info("taken as they are: {}", names_of(report.taken));
  log_info("resampled: {}", names_of(report.resampled));
  log_info("at initial values: {}", names_of(report.initial));
  log_info("not used of {}: {}", command.weights, names_of(report.unused));
  log_info("normalisation of {}: {}", command.weights, names_of(normalization.source));
  log_info("normalisation of the new training period: {}", names_of(normalization.made));
  log_info("{}: made; next: seqvit train {} --run {} --resume", run.string(), shell_word(command.config),
           shell_word(run.string()));
  if (!command.json.empty()) write_json(nlohmann::json(json), command.json);
}

}  // namespace

CommandBody add_import(CLI::App& app) {
  auto options = std::make_shared<ImportCommand>();
  CLI::App* command = app.add_subcommand(
      "import", "Start a run from exported weights, of other patches or another grid too, or from timm's");
  command->add_option("CONFIG", options->config, "Configuration of the new run (YAML)")->required();
  command
      ->add_option("--weights", options->weights,
                   "Safetensors file of `seqvit export`, or a state of timm's VisionTransformer")
      ->required();
  command->add_option("--run", options->run, "New run directory (default: runs/<name of CONFIG>)");
  command->add_option("--source_grid", options->source_grid,
                      "Of timm's: ROWSxCOLUMNS of its patches (default: a square)");
  command
      ->add_option(
          "--normalization", options->normalization,
          "Means and deviations of fields that the weights know: source (default: as they were trained), or "
          "new (of the new training period)")
      ->check(CLI::IsMember({"source", "new"}));
  command->add_option("--json", options->json,
                      "Write what became of each weight as JSON to this file (- for standard output)");
  return [options](const Invocation& invocation) { run_import(*options, invocation); };
}

}  // namespace seqvit::cli
