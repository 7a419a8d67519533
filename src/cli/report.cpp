#include "report/report.h"

#include <memory>
#include <optional>

#include <nlohmann/json.hpp>

#include "cli/run_model.h"
#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "evaluate/evaluate.h"
#include "evaluate/forecast_maps.h"
#include "evaluate/trajectory.h"

namespace seqvit::cli {
namespace {

struct ReportCommand {
  RunOptions run;
  std::string output, json;
  std::string variable, initial_time, lead;
};

report::PeriodFacts period_facts(const std::string& name, Range period, const data::Dataset& dataset) {
  return {name, evaluate::map_time_text(dataset, period.begin),
          evaluate::map_time_text(dataset, period.end - 1), period.size()};
}

report::DataFacts data_facts(const train::Experiment& e) {
  report::DataFacts facts{e.dataset->grid(), {}};
  const std::pair<const char*, Range> periods[] = {
      {"Training", e.train}, {"Validation", e.validation}, {"Test", e.test}};
  for (const auto& [name, period] : periods) {
    if (period.size() > 0) facts.periods.push_back(period_facts(name, period, *e.dataset));
  }
  return facts;
}

/// The lead time of the maps: as asked for, else the longest that is scored, else one step.
data::LeadTime map_lead(const ReportCommand& command, const train::Experiment& e) {
  if (!command.lead.empty()) return data::LeadTime::parse(command.lead);
  data::LeadTime longest = e.lead;
  for (const std::string& text : e.config.evaluate.leads) {
    const data::LeadTime lead = data::LeadTime::parse(text);
    if (lead.hours() > longest.hours() && e.reaches(evaluate::steps_of(lead, e.lead, "--lead")))
      longest = lead;
  }
  return longest;
}

/// Where the maps start and what they are compared with: as asked for, else in the middle of the last period
/// that is set (the one training has seen least of).
data::Sample map_sample(const ReportCommand& command, const train::Experiment& e,
                        const data::LeadTime& lead) {
  const data::Dataset& dataset = *e.dataset;
  if (!command.initial_time.empty()) {
    const data::TimeStamp initial = data::parse_time(command.initial_time, dataset.calendar());
    const data::Sample sample{dataset.time_index(initial),
                              dataset.time_index(lead.after(initial, dataset.calendar()))};
    if (sample.input < 0 || sample.target < 0) {
      fail(Exit::usage, "--init {}: the data have no field then and {} later; they go from {} to {}",
           command.initial_time, lead.text(), data::format_time(dataset.times().front(), dataset.calendar()),
           data::format_time(dataset.times().back(), dataset.calendar()));
    }
    return sample;
  }
  const Range period = e.test.size() > 0 ? e.test : e.validation.size() > 0 ? e.validation : e.train;
  const auto samples = data::make_samples(dataset.times(), dataset.calendar(), period, lead);
  if (samples.empty()) fail(Exit::data, "no two times of the period are {} apart", lead.text());
  return samples[samples.size() / 2];
}

evaluate::ForecastMaps make_maps(const ReportCommand& command, RunModel& run) {
  const train::Experiment& e = run.experiment();
  const data::Dataset& dataset = *e.dataset;
  const int64_t variable =
      command.variable.empty() ? e.targets.front() : dataset.variable_index(command.variable);
  const data::LeadTime lead = map_lead(command, e);
  const int64_t steps = evaluate::steps_of(lead, e.lead, "--lead");
  e.check_reach(steps, "--lead");
  const data::Sample sample = map_sample(command, e, lead);
  const int64_t points = dataset.grid().points();
  evaluate::Trajectory trajectory(dataset, run.forecaster(), e.lead, {&sample.input, 1});
  const std::span<const float> state = trajectory.at(steps);
  return evaluate::make_forecast_maps(
      dataset, variable, sample.input, sample.target, lead.hours(),
      {state.begin() + variable * points, state.begin() + (variable + 1) * points});
}

/// Data or weights that are not there (a run that was copied without them, or has no checkpoint yet) cost
/// the report its maps, not the rest.
void add_forecast(const ReportCommand& command, const Invocation& invocation, report::Report& report) {
  try {
    // Any mesh's checkpoint loads onto one rank, and a GPU's onto a machine without.
    RunModel run(command.run, {invocation.launch,
                               invocation.command_line,
                               {"parallel.pp=1", "parallel.dp=1", "parallel.sp=1", "parallel.tp=1",
                                "parallel.interleave=1", "parallel.sequence=ulysses", "parallel.device=cpu",
                                "memory.offload=none"}});
    report.data = data_facts(run.experiment());
    report.maps = make_maps(command, run);
  } catch (const Error& error) {
    if (error.code() != Exit::data && error.code() != Exit::checkpoint) throw;
    report.maps_missing = error.what();
    log_warn("report without maps: {}", error.what());
  }
}

void run_report(const ReportCommand& command, const Invocation& invocation) {
  reject_overrides(invocation, "report");
  if (invocation.launch.world().size() > 1) {
    fail(Exit::usage, "report: expected one rank, found {}; start it without mpirun",
         invocation.launch.world().size());
  }
  report::Report report;
  report.run = report::read_run(command.run.run);
  add_forecast(command, invocation, report);
  const std::string page = report::report_page(report);
  const std::filesystem::path output = command.output.empty()
                                           ? std::filesystem::path(command.run.run) / "report.html"
                                           : std::filesystem::path(command.output);
  write_text(output, page, Exit::usage);
  if (!command.json.empty()) write_json(report::report_json(report), command.json);
  log_info("{}: {} kB", output.string(), (page.size() + 999) / 1000);
}

}  // namespace

CommandBody add_report(CLI::App& app) {
  auto options = std::make_shared<ReportCommand>();
  CLI::App* command =
      app.add_subcommand("report", "Make one HTML page of a run: scores, maps, curves, configuration");
  add_run_options(*command, options->run);
  command->add_option("--output", options->output, "HTML file to write (default: RUN/report.html)");
  command->add_option("--json", options->json,
                      "Write the page's numbers as JSON to this file (- for standard output)");
  command->add_option("--variable", options->variable, "Variable of the maps (default: the first target)");
  command->add_option("--init", options->initial_time,
                      "Initial time of the maps (default: the middle of the test period)");
  command->add_option("--lead", options->lead, "Lead time of the maps (default: the longest that is scored)");
  return [options](const Invocation& invocation) { run_report(*options, invocation); };
}

}  // namespace seqvit::cli
