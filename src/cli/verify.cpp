#include "train/verify.h"

#include <memory>

#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/threads.h"
#include "core/error.h"
#include "core/log.h"
#include "train/experiment.h"

namespace seqvit::cli {
namespace {

struct VerifyCommand {
  std::string config, json;
  double tolerance = 1e-9;
};

void run_verify(const VerifyCommand& command, const Invocation& invocation) {
  const Config config = load_config(command.config, invocation.overrides);
  comm::set_comm_timeout(config.parallel.timeout_seconds);
  warn_if_oversubscribed(invocation.launch);
  const train::Experiment e = train::open_experiment(config);
  const train::VerifyReport report = train::verify_layout(train::make_verify_problem(config, e.model_shape()),
                                                          invocation.launch.world(), 3, command.tolerance);
  if (invocation.launch.world().rank() == 0) {
    const nlohmann::ordered_json json = {{"passed", report.passed()},
                                         {"worst_relative_difference", report.worst.relative},
                                         {"worst_element", report.worst.element},
                                         {"expected", report.worst.expected},
                                         {"found", report.worst.found},
                                         {"tolerance", report.tolerance},
                                         {"tensors_compared", report.tensors}};
    if (command.json != "-") {
      fmt::print(
          "{}: {} tensors (prediction, losses, gradients, weights after 3 steps) compared with one rank in "
          "fp64\n"
          "worst: {:.2e} of the largest value, at {} (expected {:.10g}, found {:.10g}); tolerance {:.0e}\n",
          report.passed() ? "equal" : "DIFFERENT", report.tensors, report.worst.relative,
          report.worst.element, report.worst.expected, report.worst.found, report.tolerance);
    }
    if (!command.json.empty()) write_json(json, command.json);
  }
  if (!report.passed())
    fail(Exit::bug, "verify: this layout does not compute what one rank computes; please report it");
}

}  // namespace

CommandBody add_verify(CLI::App& app) {
  auto options = std::make_shared<VerifyCommand>();
  CLI::App* command =
      app.add_subcommand("verify", "Prove that a layout computes what one rank computes (under mpirun)");
  command->add_option("CONFIG", options->config, "Configuration (YAML)")->required();
  command->add_option("--tolerance", options->tolerance,
                      "Largest relative difference that passes (default 1e-9)");
  command->add_option("--json", options->json,
                      "Write the report as JSON to this file too (- for standard output)");
  return [options](const Invocation& invocation) { run_verify(*options, invocation); };
}

}  // namespace seqvit::cli
