#include <cstdio>

#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "core/error.h"
#include "core/file.h"

namespace seqvit {

void write_json(const nlohmann::json& json, const std::string& where) {
  if (where == "-") {
    fmt::print("{}\n", json.dump(2));
  } else {
    write_text(where, json.dump(2) + "\n", Exit::usage);
  }
}

void reject_overrides(const Invocation& invocation, std::string_view command) {
  if (!invocation.overrides.empty()) {
    fail(Exit::usage, "{}: no configuration to override, found --{}", command, invocation.overrides.front());
  }
}

}  // namespace seqvit
