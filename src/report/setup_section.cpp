#include <algorithm>
#include <cmath>

#include <fmt/ranges.h>

#include "draw/axis.h"
#include "draw/map_axis.h"
#include "report/sections.h"

namespace seqvit::report {
namespace {

constexpr size_t kMostNames = 24;

using Facts = std::vector<std::pair<std::string, std::string>>;

// "a, b, c and 12 more".
std::string names_text(const std::vector<std::string>& names) {
  const size_t shown = std::min(names.size(), kMostNames);
  std::string text =
      fmt::format("{}", fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
  if (shown < names.size()) text += fmt::format(" and {} more", names.size() - shown);
  return text;
}

std::vector<std::string> file_names(const std::vector<std::string>& paths) {
  std::vector<std::string> names;
  for (const std::string& path : paths)
    names.push_back(std::filesystem::path(path).filename().string());
  return names;
}

std::string extent_text(const grid::Grid& grid) {
  if (grid.kind != grid::GridKind::rectilinear) return grid.extent_text();
  const auto [south, north] = std::minmax_element(grid.latitude.begin(), grid.latitude.end());
  const auto tenths = [](double degrees) { return std::round(10 * degrees) / 10; };
  const std::string latitudes =
      draw::latitude_text(tenths(*south)) + " to " + draw::latitude_text(tenths(*north));
  if (grid.periodic()) return latitudes + ", all longitudes";
  return latitudes + ", " + draw::longitude_text(tenths(grid.longitude.front())) + " to " +
         draw::longitude_text(tenths(grid.longitude.back()));
}

std::string split_text(const PeriodConfig& period) {
  return fmt::format("{}{}", period.index ? "indices " : "", fmt::join(period.bounds, " to "));
}

Facts data_facts(const Report& report) {
  const DataConfig& data = report.run.config.data;
  Facts facts = {{"Files", names_text(file_names(data.files))},
                 {"Variables", names_text(data.variables)},
                 {"Static fields", names_text(data.statics)},
                 {"Lead time", data.lead_time}};
  if (!data.diagnostics.empty())
    facts.insert(facts.begin() + 2, {"Diagnostics", names_text(data.diagnostics)});
  if (!data.forcings.empty()) facts.insert(facts.begin() + 2, {"Forcings", names_text(data.forcings)});
  std::vector<std::string> all = data.variables;
  all.insert(all.end(), data.diagnostics.begin(), data.diagnostics.end());
  if (data.targets != all) facts.insert(facts.begin() + 2, {"Targets", names_text(data.targets)});
  if (!report.data) {  // the configuration knows what was asked for
    facts.push_back({"Training", split_text(data.split.train)});
    facts.push_back({"Validation", split_text(data.split.validation)});
    facts.push_back({"Test", split_text(data.split.test)});
    return facts;
  }
  const grid::Grid& grid = report.data->grid;
  facts.push_back({"Grid", fmt::format("{} x {} points", grid.rows(), grid.columns())});
  facts.push_back({"Extent", extent_text(grid)});
  for (const PeriodFacts& period : report.data->periods) {
    facts.push_back({period.name, fmt::format("{} to {}, {} times", period.first, period.last,
                                              draw::grouped(period.times))});
  }
  return facts;
}

std::string tokens_text(const ModelConfig& model) {
  const std::string patch = fmt::format("{0} x {0} points", model.patch_size);
  const std::string levels =
      model.patch_levels > 1 ? fmt::format(" and {} of its levels", model.patch_levels) : "";
  switch (model.tokens) {
    case Tokens::joint:
      return "one for all variables of a patch of " + patch;
    case Tokens::variable:
      return "one for each variable" + levels + " of a patch of " + patch;
    case Tokens::aggregated:
      return fmt::format("{} for the variables{} of a patch of {}, by attention", model.aggregated_tokens,
                         levels, patch);
  }
  return "";
}

Facts model_facts(const RunRecord& run) {
  const ModelConfig& model = run.config.model;
  const auto count = [](int64_t value) { return value > 0 ? draw::grouped(value) : std::string(); };
  return {{"Tokens", tokens_text(model)},
          {"Tokens a sample", count(run.manifest.tokens)},
          {"Parameters", count(run.manifest.parameters)},
          {"Width", std::to_string(model.embed_dim)},
          {"Blocks", std::to_string(model.depth)},
          {"Heads", std::to_string(model.num_heads)},
          {"Hidden layers of the head", model.head_layers > 0 ? std::to_string(model.head_layers) : ""},
          {"Predicts", model.predict == Predict::tendency ? "the tendency" : "the state"},
          {"Drop path", model.drop_path > 0 ? fmt::format("{:g}", model.drop_path) : ""}};
}

std::string layout_text(const ParallelConfig& p) {
  const int64_t ranks = p.ranks();
  if (ranks == 1) return "one rank";
  std::string text = fmt::format("{} ranks: data {} x sequence {}", ranks, p.dp, p.sp);
  if (p.sp > 1) text += fmt::format(" ({})", to_string(p.sequence));
  return text + fmt::format(", ZeRO stage {}", p.zero);
}

Facts training_facts(const RunRecord& run) {
  const TrainConfig& train = run.config.train;
  return {{"Steps", draw::grouped(train.steps)},
          {"Batch", fmt::format("{} samples in {} micro-batch{}", train.batch_size, train.micro_batches,
                                train.micro_batches == 1 ? "" : "es")},
          {"Learning rate", fmt::format("{:g} after {} steps of warm-up", train.learning_rate,
                                        draw::grouped(train.warmup_steps))},
          {"Weight decay", fmt::format("{:g}", train.weight_decay)},
          {"Precision", to_string(train.precision)},
          {"Seed", std::to_string(train.seed)},
          {"Layout", layout_text(run.config.parallel)},
          {"Recomputation", to_string(run.config.memory.recompute)},
          {"Attention", run.manifest.kernel},
          {"Threads a rank", run.manifest.threads > 0 ? std::to_string(run.manifest.threads) : ""}};
}

Html group(const std::string& heading, const Facts& facts) {
  return element("div", {}, {element("h3", {}, heading), facts_list(facts)});
}

}  // namespace

Html setup_section(const Report& report) {
  Html missing;
  if (!report.data) missing = note("The grid and the times are not shown: " + report.maps_missing);
  return section(
      "setup", "What was trained on what",
      {missing, element("div", {{"class", "facts"}},
                        {group("Data", data_facts(report)), group("Model", model_facts(report.run)),
                         group("Training", training_facts(report.run))})});
}

Html configuration_section(const Report& report) {
  const Manifest& manifest = report.run.manifest;
  Facts facts = {
      {"Command", manifest.command}, {"seqvit", manifest.version}, {"libtorch", manifest.libtorch}};
  for (size_t i = 0; i < std::min(manifest.checksums.size(), kMostNames); ++i)
    facts.push_back({"XXH3 of " + std::filesystem::path(manifest.checksums[i].first).filename().string(),
                     manifest.checksums[i].second});
  if (manifest.checksums.size() > kMostNames)
    facts.push_back(
        {"More files", fmt::format("{}, in manifest.json", manifest.checksums.size() - kMostNames)});
  return section(
      "configuration", "Configuration",
      {manifest.command.empty() ? note("There is no manifest.json: versions and checksums are not known.")
                                : element("div", {{"class", "facts"}}, facts_list(facts)),
       element("details", {},
               {element("summary", {}, "Every setting, as resolved (config.yaml)"),
                element("pre", {{"tabindex", "0"}}, element("code", {}, report.run.config_text))})});
}

}  // namespace seqvit::report
