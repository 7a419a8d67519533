#include "data/inspect.h"

#include <memory>

#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "core/error.h"

namespace seqvit::cli {

CommandBody add_inspect(CLI::App& app) {
  struct Options {
    std::vector<std::string> files;
    std::string json;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("inspect", "Show what NetCDF files hold, what is wrong with it, and the fix");
  command->add_option("FILE", options->files, "NetCDF files or patterns")->required();
  command->add_option("--json", options->json,
                      "Write the report as JSON to this file (- for standard output)");
  return [options](const Invocation& invocation) {
    reject_overrides(invocation, "inspect");
    const data::InspectReport report = data::inspect_files(options->files);
    if (options->json != "-") fmt::print("{}", report.to_text());
    if (!options->json.empty()) write_json(report.to_json(), options->json);
    if (const std::string line = report.error_line(); !line.empty()) throw Error(Exit::data, line);
  };
}

}  // namespace seqvit::cli
