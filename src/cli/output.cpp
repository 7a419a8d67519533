#include <cstdio>

#include "cli/command.h"
#include "core/error.h"
#include "core/file.h"
#include "core/json.h"

namespace seqvit::cli {

void write_json(const nlohmann::json& json, const std::string& where) {
  if (where == "-") {
    fmt::print("{}\n", json_text(json, 2));
  } else {
    write_text(where, json_text(json, 2) + "\n", Exit::usage);
  }
}

void reject_overrides(const Invocation& invocation, std::string_view command) {
  if (!invocation.overrides.empty()) {
    fail(Exit::usage, "{}: no configuration to override, found --{}", command, invocation.overrides.front());
  }
}

}  // namespace seqvit::cli
