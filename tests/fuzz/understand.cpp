#include "fuzz/understand.h"

#include <algorithm>

#include "core/json.h"
#include "data/dataset.h"
#include "data/inspect.h"
#include "fuzz/fuzz.h"

namespace seqvit {
namespace {

bool is_good(const data::InspectReport& report) {
  return std::none_of(report.problems.begin(), report.problems.end(),
                      [](const data::Problem& problem) { return problem.severity == "error"; });
}

void read_as_training_does(const std::string& path) {
  const data::Dataset dataset({.files = {path}});
  std::vector<float> field(dataset.grid().points());
  const auto steps = std::ssize(dataset.times());
  for (int64_t v = 0; v < std::ssize(dataset.variables()); ++v) {
    for (const int64_t time : {int64_t{0}, steps - 1})
      dataset.read(v, time, {0, dataset.grid().rows()}, field);
  }
}

}  // namespace

void understand(const std::string& path) {
  const data::InspectReport report = data::inspect_files({path});
  require(!report.to_text().empty(), "a report of nothing");
  json_text(report.to_json());
  const bool has_field =
      std::any_of(report.variables.begin(), report.variables.end(),
                  [](const data::VariableReport& variable) { return variable.role == "field"; });
  if (is_good(report) && has_field) read_as_training_does(path);
}

}  // namespace seqvit
