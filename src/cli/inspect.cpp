#include "data/inspect.h"

#include <filesystem>
#include <memory>

#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "core/config.h"
#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "core/words.h"
#include "data/starter_config.h"
#include "train/experiment.h"

namespace seqvit::cli {
namespace {

/// `--data.grid=index` and the like, which say what the files leave open; other settings mean nothing here.
data::FileReading reading_of(const std::vector<std::string>& overrides) {
  for (const std::string& text : overrides) {
    const std::string path = text.substr(0, text.find('='));
    if (path != "data.grid" && path != "data.time" && path != "data.select" && path != "data.missing") {
      fail(
          Exit::usage,
          "inspect: expected no setting but data.grid, data.time, data.select and data.missing, found '--{}'",
          text);
    }
  }
  const Config config = parse_config("data: {files: [none], split: {train: [0, 1]}}", "inspect", overrides);
  return train::reading_of(config.data);
}

}  // namespace

CommandBody add_inspect(CLI::App& app) {
  struct Options {
    std::vector<std::string> files;
    std::string json, config;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("inspect", "Show what data files hold, what is wrong with it, and the fix");
  command->add_option("FILE", options->files, "NetCDF, GRIB or Zarr, or patterns")->required();
  command->add_option("--json", options->json,
                      "Write the report as JSON to this file (- for standard output)");
  command->add_option("--config", options->config, "Write a configuration to start from to this file");
  return [options](const Invocation& invocation) {
    const data::FileReading reading = reading_of(invocation.overrides);
    const data::InspectReport report =
        data::inspect_files(options->files, data::DatasetOptions{}.cache_bytes, reading);
    if (options->json != "-") fmt::print("{}", report.to_text());
    if (!options->json.empty()) write_json(report.to_json(), options->json);
    if (const std::string line = report.error_line(); !line.empty()) throw Error(Exit::data, line);
    if (options->config.empty()) {
      std::string files;
      for (const std::string& file : options->files)
        files += shell_word(file) + " ";
      log_info("next: seqvit inspect {}--config run.yaml writes a configuration to start from", files);
      return;
    }
    if (std::filesystem::exists(options->config))
      fail(Exit::usage, "--config {}: is there already; give another name", options->config);
    write_text(options->config, data::starter_config(report, reading), Exit::usage);
    log_info("{}: written; next: seqvit train {}", options->config, shell_word(options->config));
  };
}

}  // namespace seqvit::cli
