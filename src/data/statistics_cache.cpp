#include <filesystem>
#include <optional>
#include <span>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "core/stop.h"
#include "data/checksums.h"
#include "data/statistics.h"

namespace seqvit::data {
namespace {

namespace fs = std::filesystem;

/// To be raised whenever the same files could give other numbers than before.
constexpr int kFormat = 1;

std::string transform_text(const VariableInfo& variable) {
  return variable.transform.identity() ? "" : " as " + variable.transform.text();
}

/// Everything that the statistics depend on.
std::string describe(const Dataset& dataset, Range period, const std::vector<LeadTime>& leads,
                     const fs::path& directory) {
  std::string text = fmt::format("format {}\nperiod {} {}\n", kFormat, period.begin, period.end);
  for (const LeadTime& lead : leads)
    text += fmt::format("lead {}\n", lead.text());
  for (const VariableInfo& variable : dataset.variables())
    text += fmt::format("variable {} {}{}\n", variable.name, variable.units, transform_text(variable));
  for (const VariableInfo& variable : dataset.statics())
    text += fmt::format("static {} {}{}\n", variable.name, variable.units, transform_text(variable));
  for (const auto& [name, values] : dataset.reading().missing)
    text += fmt::format("missing {}: {}\n", name, fmt::join(values, " "));
  for (const auto& [name, value] : dataset.reading().select)
    text += fmt::format("select {}: {}\n", name, value);
  for (const std::string& path : dataset.paths()) {
    throw_if_stopped();
    text += fmt::format("file {}\n", data_checksum(path, directory));
  }
  return text;
}

std::optional<Statistics> load(const fs::path& path, const std::string& description, const Dataset& dataset,
                               const std::vector<LeadTime>& leads) {
  std::error_code error;
  if (!fs::exists(path, error)) return std::nullopt;
  try {
    const auto json = nlohmann::json::parse(read_text(path, Exit::data), nullptr, false);
    // A hash names the file; the description inside it decides.
    if (!json.is_object() || json.value("key", "") != description) return std::nullopt;
    return statistics_from_json(json, dataset, leads);
  } catch (const std::exception&) {
    return std::nullopt;  // damaged: it can be computed again
  }
}

}  // namespace

Statistics cached_statistics(const Dataset& dataset, Range period, const std::vector<LeadTime>& leads,
                             const std::string& directory) {
  const fs::path cache = directory.empty() ? cache_directory() : fs::path(directory);
  if (cache.empty()) return compute_statistics(dataset, period, leads);
  const std::string description = describe(dataset, period, leads, cache);
  const fs::path path = cache / "statistics" / (checksum(std::as_bytes(std::span(description))) + ".json");
  if (std::optional<Statistics> known = load(path, description, dataset, leads)) return *std::move(known);
  Statistics statistics = compute_statistics(dataset, period, leads);
  nlohmann::json json = to_json(statistics, dataset, leads);
  json["key"] = description;
  write_cached(path, json.dump(1));
  return statistics;
}

}  // namespace seqvit::data
