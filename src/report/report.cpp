#include "report/report.h"

#include <cmath>

#include <nlohmann/json.hpp>

#include "evaluate/score_report.h"
#include "report/facts.h"
#include "report/page.h"
#include "report/sections.h"

namespace seqvit::report {
namespace {

Html navigation() {
  Html links;
  for (const auto& [id, name] : {std::pair{"scores", "Scores"},
                                 {"maps", "Maps"},
                                 {"training", "Training"},
                                 {"setup", "Data and model"},
                                 {"configuration", "Configuration"}}) {
    links += element("li", {}, element("a", {{"href", std::string("#") + id}}, name));
  }
  return element("nav", {{"aria-label", "Sections"}}, element("ul", {}, links));
}

nlohmann::json known(double value) {
  return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json();
}

}  // namespace

std::string report_page(const Report& report) {
  const Html main = element("main", {},
                            {scores_section(report), maps_section(report), training_section(report),
                             setup_section(report), configuration_section(report)});
  return page("seqvit: " + report.run.directory.string(), report_header(report) + navigation() + main);
}

nlohmann::json report_json(const Report& report) {
  const RunRecord& run = report.run;
  const TimeSpent spent = time_spent(run);
  const auto best = best_validation(run);
  nlohmann::json missing = nlohmann::json::array();
  if (run.scores.empty()) missing.push_back("scores");
  if (run.validations.empty()) missing.push_back("validation");
  if (run.steps.empty()) missing.push_back("metrics");
  if (run.manifest.command.empty()) missing.push_back("manifest");
  if (!report.data) missing.push_back("data");
  if (!report.maps) missing.push_back("maps");
  nlohmann::json json = evaluate::scores_to_json(run.scores, run.spectra);
  json["run"] = run.directory.string();
  json["variables"] = run.config.data.variables;
  json["tokens"] = run.manifest.tokens;
  json["parameters"] = run.manifest.parameters;
  json["steps"] = run.steps.empty() ? int64_t{0} : run.steps.back().step;
  json["planned_steps"] = run.config.train.steps;
  json["final_loss"] = run.steps.empty() ? nlohmann::json() : known(run.steps.back().loss);
  json["best_validation"] =
      best ? nlohmann::json{{"step", best->step}, {"loss", best->loss}} : nlohmann::json();
  json["seconds"] = {{"steps", spent.steps}, {"data", spent.data}};
  json["peak_rss_bytes"] = static_cast<int64_t>(peak_rss_bytes(run));
  json["missing"] = missing;
  return json;
}

}  // namespace seqvit::report
