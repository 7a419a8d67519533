/// `seqvit inspect`: what files hold, whether it can be trained on, what is wrong with it, and the fix.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace seqvit {

struct Problem {
  std::string severity;  ///< "error" (cannot be trained on) or "warning"
  std::string file, variable, message, fix;
};

struct VariableReport {
  std::string name, file, units, stored_type,
      role;  ///< role: "field", "static", "coordinate", "bounds", "ignored"
  std::vector<std::string> dims;
  std::vector<int64_t> shape;
  double missing_fraction = 0, min = 0, max = 0, mean = 0,
         std = 0;  ///< of the valid unpacked values; NaN if there are none
};

struct InspectReport {
  std::vector<VariableReport> variables;
  std::vector<Problem> problems;
  nlohmann::json to_json() const;
  std::string to_text() const;
};

/// Reads every value of every variable once, in pieces. A file that cannot be opened throws Error(data).
InspectReport inspect_files(const std::vector<std::string>& files);

}  // namespace seqvit
