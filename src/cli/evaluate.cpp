#include "evaluate/evaluate.h"

#include <cmath>
#include <memory>

#include <nlohmann/json.hpp>

#include "cli/runs.h"
#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "data/period.h"
#include "evaluate/score_report.h"

namespace seqvit::cli {
namespace {

struct EvaluateCommand {
  RunOptions run;
  std::string split = "test", json;
};

Range period_of(const train::Experiment& e, const std::string& split) {
  const Range period = split == "train" ? e.train : split == "validation" ? e.validation : e.test;
  if (period.size() == 0) fail(Exit::usage, "data.split.{} is not set: nothing to evaluate", split);
  return period;
}

struct ClimatologyData {
  std::unique_ptr<data::Dataset> dataset;  ///< nullptr: that of the evaluation
  Range training;                          ///< of its times; empty where there is no climatology
};

/// Climatology belongs to the run: it is made of the period that the run was trained on, whatever files are scored.
ClimatologyData climatology_of(const std::string& run, const train::Experiment& e) {
  const Config trained = load_config(std::filesystem::path(run) / "config.yaml", {});
  const bool same_files = trained.data.files == train::resolved_config(e).data.files;
  const auto period = [&](const data::Dataset& dataset) {
    return data::resolve_period(trained.data.split.train, dataset.times(), dataset.calendar(),
                                "data.split.train")
        .times;
  };
  if (same_files) return {nullptr, period(*e.dataset)};
  try {
    ClimatologyData data{train::open_dataset(trained, train::frame_of(run)), {}};
    data.training = period(*data.dataset);
    return data;
  } catch (const Error& error) {
    if (error.code() == Exit::success) throw;  // asked to stop
    log_warn("no climatology, and no scores against it: the run's training data cannot be read: {}",
             error.what());
    return {};
  }
}

}  // namespace

Evaluation evaluate_run(const RunOptions& run_options, const std::string& split,
                        const Invocation& invocation) {
  RunModel run(run_options, invocation, train::Periods::only(split));
  const train::Experiment& e = run.experiment();
  const ClimatologyData climatology = climatology_of(run_options.run, e);
  evaluate::EvaluateOptions options;
  options.period = period_of(e, split);
  for (const std::string& lead : e.config.evaluate.leads)
    options.leads.push_back(data::LeadTime::parse(lead));
  if (options.leads.empty()) options.leads.push_back(e.lead);
  options.stride = e.config.evaluate.stride;
  options.batch_size =
      e.config.evaluate.batch_size > 0 ? e.config.evaluate.batch_size : e.config.train.batch_size;
  options.variables = e.targets;
  options.climatology_data = climatology.dataset.get();
  options.seed = e.config.train.seed;
  for (const std::string& text : e.config.evaluate.regions)
    options.regions.push_back(Region::parse(text, "evaluate.regions"));

  evaluate::EvaluationResult found =
      evaluate::evaluate(*e.dataset, climatology.training, e.lead, run.forecaster(), options);
  Evaluation result{std::move(found.scores), std::move(found.spectra), {}, {}, found.lost};
  result.period = fmt::format("data.split.{}, {}", split,
                              data::period_text(e.dataset->times(), e.dataset->calendar(), options.period));
  result.json = evaluate::scores_to_json(result.scores, result.spectra);
  result.json["split"] = split;
  result.json["step"] = run.step();
  if (run.prints()) write_json(result.json, std::filesystem::path(run_options.run) / "scores.json");
  return result;
}

void check_scored(const Evaluation& evaluation) {
  for (const evaluate::Score& score : evaluation.scores) {
    if (score.region != "global" || score.metric != "rmse" || std::isfinite(score.value)) continue;
    if (evaluation.lost > 0) {
      fail(Exit::not_finite,
           "{}: '{}' after {}: no forecast is finite; train again with a lower learning rate",
           evaluation.period, score.variable, evaluate::lead_text(score.lead_hours));
    }
    fail(
        Exit::data,
        "{}: '{}' after {}: no point is valid both then and at the start, so there is no score of it; choose "
        "another period, or look at the data with `seqvit inspect`",
        evaluation.period, score.variable, evaluate::lead_text(score.lead_hours));
  }
}

namespace {

void run_evaluate(const EvaluateCommand& command, const Invocation& invocation) {
  const Evaluation result = evaluate_run(command.run, command.split, invocation);
  if (invocation.launch.world().rank() == 0) {
    if (command.json != "-") fmt::print("{}", evaluate::scores_table(result.scores, result.spectra));
    if (!command.json.empty()) write_json(result.json, command.json);
  }
  check_scored(result);  // last: what there is is not lost
}

}  // namespace

CommandBody add_evaluate(CLI::App& app) {
  auto options = std::make_shared<EvaluateCommand>();
  CLI::App* command =
      app.add_subcommand("evaluate", "Score a trained model against persistence and climatology");
  add_run_options(*command, options->run);
  command->add_option("--split", options->split, "Period to score: test (default), validation or train")
      ->check(CLI::IsMember({"test", "validation", "train"}));
  command->add_option("--json", options->json,
                      "Write the scores as JSON to this file too (- for standard output)");
  return [options](const Invocation& invocation) { run_evaluate(*options, invocation); };
}

}  // namespace seqvit::cli
