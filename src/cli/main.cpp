/// The program: finds the command, runs it, and turns whatever goes wrong into one line and an exit code.

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <span>
#include <string_view>
#include <thread>

#include "cli/command.h"
#include "core/error.h"
#include "core/log.h"
#include "core/settings.h"
#include "core/stop.h"
#include "core/version.h"
#include "core/watch.h"
#include "data/grib.h"
#include "ops/memory.h"

namespace seqvit::cli {
namespace {

/// Takes every --section.key=value out of the arguments: CLI11 knows the program's options, the configuration
/// its keys.
std::vector<std::string> take_overrides(std::vector<std::string>& arguments) {
  std::vector<std::string> overrides, rest;
  for (const std::string& argument : arguments) {
    const size_t dot = argument.find('.'), equals = argument.find('=');
    if (argument.starts_with("--") && dot < equals && equals != std::string::npos) {
      overrides.push_back(argument.substr(2));
    } else {
      rest.push_back(argument);
    }
  }
  arguments = rest;
  return overrides;
}

/// Where the command line says it, the limit of silence holds from the start, before a configuration is read:
/// MPI waits there for the ranks that have not come. What is no number is left to the reader of the
/// configuration.
void limit_silence_at_start(int argc, char** argv) {
  constexpr std::string_view option = "--parallel.timeout_seconds=";
  for (const std::string_view argument : std::span(argv, static_cast<size_t>(argc))) {
    if (!argument.starts_with(option)) continue;
    const double seconds = std::atof(argument.substr(option.size()).data());
    if (seconds > 0.0) set_watch_limit(seconds);
  }
}

/// Prints the one line that a person needs and returns the exit code.
int report(const std::exception& error) {
  if (const auto* known = dynamic_cast<const Error*>(&error)) {
    fmt::print(stderr, "seqvit: {}{}\n", known->code() == Exit::success ? "" : "error: ", known->what());
    return static_cast<int>(known->code());
  }
  const std::string text = error.what();  // libtorch adds its stack in further lines
  fmt::print(stderr, "seqvit: internal error: {}\n", text.substr(0, text.find('\n')));
  return static_cast<int>(Exit::bug);
}

int run(comm::Launch& launch, std::vector<std::string> arguments) {
  std::string command_line = "seqvit";
  for (const std::string& argument : arguments)
    command_line += " " + argument;

  CLI::App app("seqvit: vision transformers over very long token sequences for scientific images");
  const std::string grib = data::grib_library();
  app.set_version_flag("--version",
                       fmt::format("seqvit {}\nreads NetCDF, Zarr{}", kVersion,
                                   grib.empty() ? "; not GRIB: built without ecCodes" : ", GRIB by " + grib));
  app.require_subcommand(1);
  app.add_flag_callback(
         "--settings",
         [] {
           for (const SettingText& s : setting_texts())
             fmt::print("{:28} {:14} {}\n", s.path, s.value, s.meaning);
           throw CLI::Success();
         },
         "List every setting of a configuration with its default and meaning, and exit")
      ->trigger_on_parse();
  app.footer(
      "Settings (`seqvit --settings`): any --section.key=value overrides the configuration file. Exit codes: "
      "see README.md.");
  const std::map<std::string, CommandBody> commands = {
      {"inspect", add_inspect(app)},   {"generate", add_generate(app)}, {"train", add_train(app)},
      {"evaluate", add_evaluate(app)}, {"forecast", add_forecast(app)}, {"report", add_report(app)},
      {"export", add_export(app)},     {"import", add_import(app)},     {"study", add_study(app)},
      {"verify", add_verify(app)},     {"bench", add_bench(app)},       {"plan", add_plan(app)}};
  const std::vector<std::string> overrides = take_overrides(arguments);
  if (!arguments.empty() && !arguments[0].starts_with("-") && !commands.contains(arguments[0])) {
    std::vector<std::string> names;
    for (const auto& [name, body] : commands)
      names.push_back(name);
    fail(Exit::usage, "unknown command '{}'{}", arguments[0], did_you_mean(arguments[0], names));
  }
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0)
      return launch.world().rank() == 0 ? app.exit(error) : 0;  // --help, --version
    fail(Exit::usage, "{}; see `seqvit --help`", error.what());
  }
  const std::string command = app.get_subcommands().front()->get_name();
  const Phase phase(command);
  commands.at(command)({launch, command_line, overrides});
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
    fail(Exit::usage, "standard output: cannot write: {}", std::strerror(errno));
  return 0;
}

/// Whether another rank ends the job meanwhile (the launcher then sends SIGTERM): what all ranks find wrong
/// is said by rank 0.
bool said_by_another(const comm::Launch& launch, const std::exception& error) {
  const auto* known = dynamic_cast<const Error*>(&error);
  const bool of_one = known == nullptr || known->code() == Exit::communication;
  if (launch.world().rank() == 0 || of_one) return false;
  for (int i = 0; i < 30 && !stop_requested(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  return stop_requested();
}

/// The same as one of several ranks: one that ends on its own must not leave the others waiting for it.
int run_as_rank(comm::Launch& launch, const std::vector<std::string>& arguments) {
  try {
    return run(launch, arguments);
  } catch (const std::exception& error) {
    if (launch.world().size() == 1) throw;
    launch.abort(said_by_another(launch, error) ? static_cast<int>(dynamic_cast<const Error&>(error).code())
                                                : report(error));
  }
}

}  // namespace
}  // namespace seqvit::cli

int main(int argc, char** argv) {
  try {
    seqvit::install_stop_handlers();
    seqvit::ops::install_tensor_allocator();
    seqvit::Watch watch;
    seqvit::cli::limit_silence_at_start(argc, argv);
    seqvit::comm::Launch launch;
    if (launch.world().size() > 1) watch.set_rank(launch.world().rank());
    return seqvit::cli::run_as_rank(launch, {argv + 1, argv + argc});
  } catch (const std::exception& error) {
    return seqvit::cli::report(error);
  }
}
