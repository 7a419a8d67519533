#include "report/run_record.h"

#include <limits>
#include <sstream>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"

namespace seqvit::report {
namespace {

using nlohmann::json;

// JSON has no NaN: what is not defined was written as null.
double number(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return std::numeric_limits<double>::quiet_NaN();
  return found->get<double>();
}

void read_manifest(const json& file, RunRecord& run) {
  Manifest& m = run.manifest;
  m.version = file.value("seqvit", "");
  m.libtorch = file.value("libtorch", "");
  m.command = file.value("command", "");
  m.kernel = file.value("attention_kernel", "");
  m.threads = file.value("threads", int64_t{0});
  m.tokens = file.value("tokens", int64_t{0});
  m.parameters = file.value("parameters", int64_t{0});
  const json checksums = file.value("data_checksums_xxh3", json::object());
  for (const auto& [path, checksum] : checksums.items())
    m.checksums.emplace_back(path, checksum.get<std::string>());
}

void read_scores(const json& file, RunRecord& run) {
  run.scored_split = file.value("split", "test");
  run.scored_step = file.value("step", int64_t{0});
  for (const json& entry : file.at("scores")) {
    evaluate::Score score;
    score.variable = entry.at("variable").get<std::string>();
    score.lead_hours = entry.at("lead_hours").get<double>();
    score.region = entry.at("region").get<std::string>();
    score.metric = entry.at("metric").get<std::string>();
    score.value = number(entry, "value");
    score.persistence = number(entry, "persistence");
    score.climatology = number(entry, "climatology");
    score.low = number(entry, "low");
    score.high = number(entry, "high");
    score.units = entry.value("units", "");
    score.initial_times = entry.value("initial_times", int64_t{0});
    score.points = entry.value("points", score.points);
    for (const json& value : entry.value("at_times", json::array()))
      score.at_times.push_back(value.is_null() ? std::numeric_limits<double>::quiet_NaN()
                                               : value.get<double>());
    score.block = entry.value("block", int64_t{0});
    run.scores.push_back(std::move(score));
  }
  for (const json& entry : file.value("spectra", json::array())) {
    run.spectra.push_back({.variable = entry.at("variable").get<std::string>(),
                           .lead_hours = entry.at("lead_hours").get<double>(),
                           .units = entry.at("units").get<std::string>(),
                           .wavenumber = entry.at("wavenumber").get<std::vector<double>>(),
                           .truth = entry.at("truth").get<std::vector<double>>(),
                           .forecast = entry.at("forecast").get<std::vector<double>>(),
                           .rows = entry.at("rows").get<int64_t>(),
                           .patch_edge_ratio = number(entry, "patch_edge_ratio")});
  }
}

void read_rank_histograms(const json& file, RunRecord& run) {
  for (const json& entry : file.value("rank_histograms", json::array())) {
    evaluate::RankHistogram histogram{entry.at("variable").get<std::string>(),
                                      entry.at("lead_hours").get<double>(),
                                      entry.at("members").get<int64_t>(),
                                      {}};
    for (const json& value : entry.at("frequency"))
      histogram.frequency.push_back(value.is_null() ? std::numeric_limits<double>::quiet_NaN()
                                                    : value.get<double>());
    run.rank_histograms.push_back(std::move(histogram));
  }
}

void read_metrics_line(const json& line, RunRecord& run) {
  const auto step = line.at("step").get<int64_t>();
  if (line.contains("validation_loss")) {
    run.validations.push_back({step, number(line, "validation_loss")});
    return;
  }
  run.steps.push_back({.step = step,
                       .loss = number(line, "loss"),
                       .learning_rate = number(line, "learning_rate"),
                       .grad_norm = number(line, "grad_norm"),
                       .seconds = number(line, "seconds"),
                       .data_seconds = number(line, "data_seconds"),
                       .tokens_per_second = number(line, "tokens_per_second"),
                       .rss_bytes = number(line, "rss_bytes")});
}

// Parses `text` and hands it on; anything that is not as written by seqvit names the file.
template <typename Read>
void parse(const std::filesystem::path& path, std::string_view text, Read read) {
  try {
    read(json::parse(text));
  } catch (const json::exception& error) {
    fail(Exit::checkpoint, "{}: not as seqvit writes it, or corrupt: {}", path.string(), error.what());
  }
}

template <typename Read>
void parse_file(const std::filesystem::path& path, Read read) {
  if (std::filesystem::exists(path)) parse(path, read_text(path, Exit::checkpoint), read);
}

void parse_lines(const std::filesystem::path& path, RunRecord& run) {
  if (!std::filesystem::exists(path)) return;
  std::string text = read_text(path, Exit::checkpoint);
  text.resize(text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    parse(path, line, [&](const json& object) { read_metrics_line(object, run); });
}

}  // namespace

RunRecord read_run(const std::filesystem::path& directory) {
  const auto config = directory / "config.yaml";
  if (!std::filesystem::exists(config)) {
    fail(Exit::usage, "{}: not a run directory (no config.yaml); `seqvit train CONFIG --run DIR` makes one",
         directory.string());
  }
  RunRecord run;
  run.directory = directory;
  run.config = load_config(config, {});
  run.config_text = read_text(config, Exit::usage);
  parse_file(directory / "manifest.json", [&](const json& file) { read_manifest(file, run); });
  parse_file(directory / "scores.json", [&](const json& file) {
    read_scores(file, run);
    read_rank_histograms(file, run);
  });
  parse_lines(directory / "metrics.jsonl", run);
  return run;
}

}  // namespace seqvit::report
