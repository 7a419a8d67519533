#include "evaluate/evaluate.h"

#include <cmath>
#include <filesystem>
#include <memory>

#include <nlohmann/json.hpp>

#include "cli/run_climatology.h"
#include "cli/runs.h"
#include "core/error.h"
#include "core/log.h"
#include "data/period.h"
#include "evaluate/score_file.h"
#include "evaluate/score_report.h"

namespace seqvit::cli {
namespace {

struct EvaluateCommand {
  RunOptions run;
  std::string split = "test", json, climatology;
};

Range period_of(const train::Experiment& e, const std::string& split) {
  const Range period = split == "train" ? e.train : split == "validation" ? e.validation : e.test;
  if (period.size() == 0) fail(Exit::usage, "data.split.{} is not set: nothing to evaluate", split);
  return period;
}

}  // namespace

Evaluation evaluate_run(const RunOptions& run_options, const std::string& split, const Invocation& invocation,
                        const std::string& climatology_file) {
  RunModel run(run_options, invocation, train::Periods::only(split));
  const train::Experiment& e = run.experiment();
  const RunClimatology climatology =
      climatology_of(run_options.run, e, run.forecaster(), invocation, climatology_file,
                     /*with_training_data=*/run_options.members > 1);
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
  options.climatology_file = climatology.file.get();
  options.seed = e.config.train.seed;
  options.ensemble = run.ensemble(run_options);
  for (const std::string& text : e.config.evaluate.regions)
    options.regions.push_back(Region::parse(text, "evaluate.regions"));

  evaluate::EvaluationResult found =
      evaluate::evaluate(*e.dataset, climatology.training, e.lead, run.forecaster(), options);
  Evaluation result{std::move(found.scores),
                    std::move(found.spectra),
                    std::move(found.rank_histograms),
                    {},
                    {},
                    found.lost};
  result.period = fmt::format("data.split.{}, {}", split,
                              data::period_text(e.dataset->times(), e.dataset->calendar(), options.period));
  result.json = evaluate::scores_to_json(result.scores, result.spectra);
  result.json["split"] = split;
  result.json["step"] = run.step();
  result.json["climatology"] = climatology.describe();
  if (run_options.members > 1) {
    result.json["members"] = run_options.members;
    result.json["perturbation"] = run_options.perturbation;
    result.json["rank_histograms"] = evaluate::rank_histograms_to_json(result.rank_histograms);
  }
  if (run.prints()) {
    const std::filesystem::path directory(run_options.run);
    write_json(result.json, directory / "scores.json");
    evaluate::write_scores(directory / "scores.nc", result.scores, invocation.command_line);
  }
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
  const Evaluation result = evaluate_run(command.run, command.split, invocation, command.climatology);
  if (invocation.launch.world().rank() == 0) {
    if (command.json != "-") {
      fmt::print("{}{}", evaluate::scores_table(result.scores, result.spectra),
                 evaluate::ensemble_table(result.scores, result.rank_histograms));
    }
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
  add_ensemble_options(*command, options->run);
  command->add_option("--split", options->split, "Period to score: test (default), validation or train")
      ->check(CLI::IsMember({"test", "validation", "train"}));
  command->add_option(
      "--climatology", options->climatology,
      "Compare with this climatology, in WeatherBench 2's layout (NetCDF or Zarr), not the run's own");
  command->add_option("--json", options->json,
                      "Write the scores as JSON to this file too (- for standard output)");
  return [options](const Invocation& invocation) { run_evaluate(*options, invocation); };
}

}  // namespace seqvit::cli
