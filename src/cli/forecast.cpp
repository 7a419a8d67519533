#include "evaluate/forecast.h"

#include <memory>

#include "cli/run_model.h"
#include "core/error.h"
#include "core/log.h"
#include "evaluate/evaluate.h"
#include "evaluate/picture.h"

namespace seqvit {
namespace {

struct ForecastCommand {
  RunOptions run;
  std::vector<std::string> initial_times;
  int64_t steps = 0;
  std::string output;
  std::string picture, variable;
};

std::vector<int64_t> initial_indices(const Dataset& dataset, const std::vector<std::string>& texts) {
  std::vector<int64_t> indices;
  for (const std::string& text : texts) {
    const int64_t index = dataset.time_index(parse_time(text, dataset.calendar()));
    if (index < 0) {
      fail(Exit::usage, "--init {}: the data have no such time; they go from {} to {}", text,
           format_time(dataset.times().front(), dataset.calendar()),
           format_time(dataset.times().back(), dataset.calendar()));
    }
    indices.push_back(index);
  }
  return indices;
}

void run_forecast_command(const ForecastCommand& command, const Invocation& invocation) {
  RunModel run(command.run, invocation);
  const Experiment& e = run.experiment();
  if (!e.can_roll_out() && command.steps > 1) {
    fail(Exit::usage, "--steps {}: data.targets leaves out some variables, so forecasts cannot be fed back; use --steps 1",
         command.steps);
  }
  ForecastLayout layout;
  layout.initial_times = initial_indices(*e.dataset, command.initial_times);
  layout.step = e.lead;
  layout.steps = command.steps;
  layout.variables = e.targets;
  layout.command = invocation.command_line;
  run_forecast(*e.dataset, run.forecaster(), layout, command.output, e.config.train.batch_size);
  log_info("{}: {} x {} steps of {}", command.output, layout.initial_times.size(), command.steps, e.lead.text());
}

}  // namespace

CommandBody add_forecast(CLI::App& app) {
  auto options = std::make_shared<ForecastCommand>();
  CLI::App* command = app.add_subcommand("forecast", "Roll a trained model out from given times to a CF NetCDF file");
  add_run_options(*command, options->run);
  command->add_option("--init", options->initial_times, "Initial times, such as 2014-07-01T00")->required()->delimiter(',');
  command->add_option("--steps", options->steps, "Steps of data.lead_time to go")->required()->check(CLI::PositiveNumber);
  command->add_option("--output", options->output, "NetCDF file to write")->required();
  return [options](const Invocation& invocation) { run_forecast_command(*options, invocation); };
}

}  // namespace seqvit
