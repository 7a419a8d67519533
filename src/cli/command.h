/// What the subcommands share: how they are declared, and where their results go.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json_fwd.hpp>

#include "comm/launch.h"

namespace seqvit::cli {

/// Passed to every command.
struct Invocation {
  comm::Launch& launch;
  std::string command_line;            ///< as typed, for histories
  std::vector<std::string> overrides;  ///< "section.key=value" of every --section.key=value
};

using CommandBody = std::function<void(const Invocation&)>;

/// Each adds a subcommand and returns what to run when it is chosen; options live in the returned closure.
CommandBody add_inspect(CLI::App& app);
CommandBody add_generate(CLI::App& app);
CommandBody add_train(CLI::App& app);
CommandBody add_evaluate(CLI::App& app);
CommandBody add_forecast(CLI::App& app);
CommandBody add_verify(CLI::App& app);
CommandBody add_study(CLI::App& app);
CommandBody add_bench(CLI::App& app);
CommandBody add_plan(CLI::App& app);
CommandBody add_report(CLI::App& app);
CommandBody add_export(CLI::App& app);
CommandBody add_import(CLI::App& app);

/// Writes a result where `--json` said: "-" is standard output, else a file.
void write_json(const nlohmann::json& json, const std::string& where);

/// Overrides make sense only where there is a configuration.
void reject_overrides(const Invocation& invocation, std::string_view command);

}  // namespace seqvit::cli
