#include "evaluate/forecast.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>

#include "cli/run_model.h"
#include "core/error.h"
#include "core/log.h"
#include "evaluate/evaluate.h"
#include "evaluate/picture.h"

namespace seqvit::cli {
namespace {

/// Of one forecast: 680 years in steps of six hours. More is a slip that would run until the disk is full.
constexpr int64_t kMostSteps = 1'000'000;

struct ForecastCommand {
  RunOptions run;
  std::vector<std::string> initial_times;
  int64_t steps = 0;
  std::string output, layout = "lead_time";
  std::string picture, variable, lead;
};

std::vector<int64_t> initial_indices(const data::Dataset& dataset, const std::vector<std::string>& texts) {
  std::vector<int64_t> indices;
  for (const std::string& text : texts) {
    const int64_t index = dataset.time_index(data::parse_span(text, dataset.calendar()).first);
    if (index < 0) {
      fail(Exit::usage, "--init {}: the data have no such time; they go from {} to {}", text,
           data::format_time(dataset.times().front(), dataset.calendar()),
           data::format_time(dataset.times().back(), dataset.calendar()));
    }
    indices.push_back(index);
  }
  return indices;
}

/// What a picture will show: checked before the forecast is made, drawn after.
struct PicturePlan {
  int64_t variable, initial, target, steps;
  data::LeadTime lead;
};

PicturePlan plan_picture(const ForecastCommand& command, const train::Experiment& e, int64_t initial) {
  const data::Dataset& dataset = *e.dataset;
  const data::LeadTime lead = command.lead.empty() ? e.lead : data::LeadTime::parse(command.lead);
  const int64_t variable =
      command.variable.empty() ? e.targets.front() : dataset.variable_index(command.variable);
  if (std::find(e.targets.begin(), e.targets.end(), variable) == e.targets.end()) {
    fail(Exit::usage, "--variable {}: is not among data.targets, so there is no forecast of it",
         command.variable);
  }
  const int64_t steps = evaluate::steps_of(lead, e.lead, "--lead");
  if (steps > command.steps) {
    fail(Exit::usage, "--lead {}: the forecast has only {} steps of {}", lead.text(), command.steps,
         e.lead.text());
  }
  const data::TimeStamp valid = lead.after(dataset.times()[initial], dataset.calendar());
  const int64_t target = dataset.time_index(valid);
  if (target < 0)
    fail(Exit::usage, "--picture: the data have no truth at {}",
         data::format_time(valid, dataset.calendar()));
  return {variable, initial, target, steps, lead};
}

void draw_picture(const PicturePlan& plan, const ForecastCommand& command, const data::Dataset& dataset,
                  const evaluate::ForecastLayout& layout) {
  const auto written = std::find(layout.variables.begin(), layout.variables.end(), plan.variable);
  std::vector<float> forecast = evaluate::read_forecast(
      command.output, dataset, layout, written - layout.variables.begin(), 0, plan.steps - 1);
  evaluate::write_picture(command.picture,
                          evaluate::make_forecast_maps(dataset, plan.variable, plan.initial, plan.target,
                                                       plan.lead.hours(), std::move(forecast)));
}

void check_output(const data::Dataset& dataset, const std::string& option, const std::string& output) {
  for (const std::string& path : dataset.paths()) {
    std::error_code none;  // there is no such file yet
    if (std::filesystem::equivalent(path, output, none))
      fail(Exit::usage, "{} {}: is one of data.files, which it would replace; give another name", option,
           output);
  }
}

void run_forecast_command(const ForecastCommand& command, const Invocation& invocation) {
  RunModel run(command.run, invocation, train::Periods::none());
  const train::Experiment& e = run.experiment();
  check_output(*e.dataset, "--output", command.output);
  check_output(*e.dataset, "--picture", command.picture);
  for (int64_t steps = 1; steps <= command.steps; ++steps)
    e.check_reach(steps, "--steps");
  evaluate::ForecastLayout layout;
  layout.initial_times = initial_indices(*e.dataset, command.initial_times);
  layout.step = e.lead;
  layout.steps = command.steps;
  layout.variables = e.targets;
  layout.command = invocation.command_line;
  layout.dims = evaluate::ForecastLayout::parse_dims(command.layout);
  layout.ensemble = run.ensemble(command.run);
  std::optional<PicturePlan> picture;
  if (!command.picture.empty()) picture = plan_picture(command, e, layout.initial_times.front());
  evaluate::run_forecast(*e.dataset, run.forecaster(), layout, command.output, e.config.train.batch_size);
  if (picture && run.prints()) draw_picture(*picture, command, *e.dataset, layout);
  log_info("{}: {} x {}{} steps of {}", command.output, layout.initial_times.size(),
           command.run.members > 1 ? fmt::format("{} members x ", command.run.members) : "", command.steps,
           e.lead.text());
}

}  // namespace

CommandBody add_forecast(CLI::App& app) {
  auto options = std::make_shared<ForecastCommand>();
  CLI::App* command =
      app.add_subcommand("forecast", "Roll a trained model out from given times to a CF NetCDF file");
  add_run_options(*command, options->run);
  add_ensemble_options(*command, options->run);
  command->add_option("--init", options->initial_times, "Initial times, such as 2014-07-01T00")
      ->required()
      ->delimiter(',');
  command->add_option("--steps", options->steps, "Steps of data.lead_time to go")
      ->required()
      ->check(CLI::Range(int64_t{1}, kMostSteps));
  command
      ->add_option("--output", options->output,
                   "NetCDF file to write; a name that ends in .zarr: a Zarr store")
      ->required();
  command
      ->add_option("--layout", options->layout,
                   "Dims: lead_time (default: init_time, lead_time, ...), valid_time (time, ...: one initial "
                   "time, for CDO and ncview), or weatherbench (init_time, lead_time, latitude, longitude)")
      ->check(CLI::IsMember({"lead_time", "valid_time", "weatherbench"}));
  command->add_option("--picture", options->picture,
                      "Also draw truth, forecast and error of the first initial time (PNG)");
  command->add_option("--variable", options->variable, "Variable of the picture (default: the first)");
  command->add_option("--lead", options->lead, "Lead time of the picture, such as 24h (default: one step)");
  return [options](const Invocation& invocation) { run_forecast_command(*options, invocation); };
}

}  // namespace seqvit::cli
