#include "report/study.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <set>

#include <nlohmann/json.hpp>

#include "cli/runs.h"
#include "core/error.h"
#include "core/file.h"
#include "core/log.h"

namespace seqvit::cli {
namespace {

namespace fs = std::filesystem;

struct StudyCommand {
  std::string config, run, json;
  std::vector<std::string> patch_sizes, tokens = {"joint"};
  std::vector<uint64_t> seeds = {1};
  std::string baseline;
  bool same_operations = false;
};

/// What one variant changes, and the runs that it needs.
struct Plan {
  std::string name, budget, directory;
  std::vector<std::string> settings;  ///< with those of the command line
  double operations = 0;              ///< of a step
  int64_t steps = 0;
};

/// How a variant makes tokens of the fields.
struct Tokenisation {
  std::string patch_size, tokens;  ///< as in the configuration, which checks them
};

/// Every patch size with every tokenisation; one written as 4:variable with its own alone.
std::vector<Tokenisation> tokenisations_of(const StudyCommand& command) {
  std::vector<Tokenisation> tokenisations;
  for (const std::string& tokens : command.tokens) {
    for (const std::string& item : command.patch_sizes) {
      if (item.find(':') == std::string::npos) tokenisations.push_back({item, tokens});
    }
  }
  for (const std::string& item : command.patch_sizes) {
    if (const size_t colon = item.find(':'); colon != std::string::npos)
      tokenisations.push_back({item.substr(0, colon), item.substr(colon + 1)});
  }
  return tokenisations;
}

/// `e` is opened by the first variant; its data are those of all.
Plan make_plan(train::Experiment& e, const StudyCommand& command, const Invocation& invocation,
               const Tokenisation& tokenisation) {
  Plan plan{.name = "patch " + tokenisation.patch_size,
            .budget = "epochs",
            .directory = "patch-" + tokenisation.patch_size,
            .settings = invocation.overrides};
  if (command.tokens.size() > 1 || tokenisation.tokens != "joint") {
    plan.name += ", " + tokenisation.tokens + " tokens";
    plan.directory += "-" + tokenisation.tokens;
  }
  plan.settings.push_back("model.patch_size=" + tokenisation.patch_size);
  plan.settings.push_back("model.tokens=" + tokenisation.tokens);
  const Config config = load_config(command.config, plan.settings);
  if (!e.dataset) e = train::open_experiment(config);
  e.config = config;
  plan.operations = e.model_shape().training_operations() * static_cast<double>(e.config.train.batch_size);
  plan.steps = e.config.train.steps;
  return plan;
}

/// The control: every variant once more, for as many operations as the dearest takes (which is its own
/// control).
std::vector<Plan> controls_of(const std::vector<Plan>& plans) {
  const auto dearest = std::max_element(
      plans.begin(), plans.end(), [](const Plan& a, const Plan& b) { return a.operations < b.operations; });
  std::vector<Plan> controls = plans;
  for (Plan& control : controls) {
    const int64_t steps =
        std::llround(static_cast<double>(control.steps) * dearest->operations / control.operations);
    control.budget = "operations";
    if (steps == control.steps) continue;
    control.steps = steps;
    control.directory += "-operations";
    control.settings.push_back(fmt::format("train.steps={}", steps));
  }
  return controls;
}

/// The baseline: the same training of another network. What it makes of the fields does not hang on the patch
/// size; its weights do, as many as the first variant's.
Plan make_baseline(train::Experiment& e, const StudyCommand& command, const Invocation& invocation,
                   const Tokenisation& first) {
  Invocation changed{invocation.launch, invocation.command_line, invocation.overrides};
  changed.overrides.push_back("model.network=" + command.baseline);
  Plan plan = make_plan(e, command, changed, first);
  plan.name = command.baseline, plan.directory = command.baseline;
  return plan;
}

std::vector<Plan> make_plans(const StudyCommand& command, const Invocation& invocation) {
  train::Experiment e;
  std::vector<Plan> plans;
  for (const Tokenisation& tokenisation : tokenisations_of(command))
    plans.push_back(make_plan(e, command, invocation, tokenisation));
  if (!command.baseline.empty())
    plans.push_back(make_baseline(e, command, invocation, tokenisations_of(command).front()));
  if (command.same_operations) {
    for (const Plan& control : controls_of(plans))
      plans.push_back(control);
  }
  return plans;
}

/// How a run is spread over ranks and memory does not change what it gives, nor what it keeps on the way.
bool changes_results(const std::string& setting) {
  static const std::set<std::string> others = {"data.cache_bytes", "train.checkpoint_every",
                                               "train.keep_checkpoints"};
  return !others.contains(setting) && !setting.starts_with("parallel.") && !setting.starts_with("memory.");
}

/// Trains and scores a run, as far as that is not done yet.
void complete(const fs::path& run, const Config& config, const Invocation& invocation) {
  if (fs::exists(run / "config.yaml")) {
    train::check_settings_kept(run, train::open_experiment(config), changes_results,
                               "a study compares runs of one configuration: give another --run");
  }
  if (fs::exists(run / "scores.json")) return;
  const bool finished = train_run(config, run, {.resume = true}, invocation);
  if (!finished) throw Error(Exit::success, "study: stopped; the same command goes on from here");
  check_scored(evaluate_run({.run = run}, "test", {invocation.launch, invocation.command_line, {}}));
}

void run_study(const StudyCommand& command, const Invocation& invocation) {
  const fs::path directory = command.run.empty()
                                 ? fs::path("runs") / (fs::path(command.config).stem().string() + "-study")
                                 : fs::path(command.run);
  const std::vector<Plan> plans = make_plans(command, invocation);
  std::vector<report::StudyVariant> variants;
  for (const Plan& plan : plans) {
    report::StudyVariant variant{
        plan.name, plan.budget, plan.operations * static_cast<double>(plan.steps), {}};
    for (const uint64_t seed : command.seeds) {
      std::vector<std::string> settings = plan.settings;
      settings.push_back(fmt::format("train.seed={}", seed));
      const fs::path run = directory / fmt::format("{}-seed-{}", plan.directory, seed);
      log_info("study: {}, same {}, seed {}: {}", plan.name, plan.budget, seed, run.string());
      complete(run, load_config(command.config, settings), invocation);
      if (invocation.launch.world().rank() == 0) variant.runs.push_back(report::read_run(run));
    }
    variants.push_back(variant);
  }
  if (invocation.launch.world().rank() != 0) return;
  const nlohmann::json json = report::study_json(variants);
  write_json(json, directory / "study.json");
  write_text(directory / "study.html", report::study_page(fs::absolute(directory).filename(), variants),
             Exit::usage);
  if (command.json != "-") fmt::print("{}", report::study_table(variants));
  if (!command.json.empty()) write_json(json, command.json);
  log_info("study: {}", (directory / "study.html").string());
}

}  // namespace

CommandBody add_study(CLI::App& app) {
  auto options = std::make_shared<StudyCommand>();
  CLI::App* command = app.add_subcommand(
      "study", "Error against tokens: the same data, budget and seeds over patch sizes and tokenisations");
  command->add_option("CONFIG", options->config, "Configuration (YAML)")->required();
  command->add_option(
      "--run", options->run,
      "Directory of the study's runs (default: runs/<name of CONFIG>-study); goes on where it was stopped");
  command
      ->add_option("--patch_sizes", options->patch_sizes,
                   "Patch sizes, as 8,4,2; 4:variable is one with a tokenisation of its own")
      ->required()
      ->delimiter(',');
  command
      ->add_option("--tokens", options->tokens,
                   "Tokenisations of the other patch sizes: joint (default), variable, aggregated")
      ->delimiter(',');
  command->add_option("--seeds", options->seeds, "Seeds, as 1,2,3 (default 1)")->delimiter(',');
  command
      ->add_option("--baseline", options->baseline,
                   "One more variant: unet, a convolutional network with as many weights as the first")
      ->check(CLI::IsMember({"unet"}));
  command->add_flag("--same_operations", options->same_operations,
                    "Train the cheaper variants once more for as many operations as the dearest");
  command->add_option("--json", options->json,
                      "Write the results as JSON to this file too (- for standard output)");
  return [options](const Invocation& invocation) { run_study(*options, invocation); };
}

}  // namespace seqvit::cli
