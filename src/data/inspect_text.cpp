// The inspection report as JSON and as text.
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "data/inspect.h"
#include "data/level_axis.h"

namespace seqvit::data {
namespace {

using Row = std::vector<std::string>;

std::string table(const std::vector<Row>& rows) {
  std::vector<size_t> width(rows[0].size(), 0);
  for (const Row& row : rows) {
    for (size_t c = 0; c < row.size(); ++c)
      width[c] = std::max(width[c], row[c].size());
  }
  constexpr size_t kTextColumns = 5;  // the rest are numbers
  std::string text;
  for (const Row& row : rows) {
    std::string line = " ";
    for (size_t c = 0; c < row.size(); ++c) {
      line += c < kTextColumns ? fmt::format(" {:<{}} ", row[c], width[c])
                               : fmt::format(" {:>{}} ", row[c], width[c]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

Row describe(const VariableReport& variable) {
  Row dims;
  for (size_t d = 0; d < variable.dims.size(); ++d) {
    dims.push_back(fmt::format("{} {}", variable.dims[d], variable.shape[d]));
  }
  const auto number = [](double value) { return value == value ? fmt::format("{:.6g}", value) : "-"; };
  return {variable.name,
          fmt::format("({})", fmt::join(dims, ", ")),
          variable.units.empty() ? "-" : variable.units,
          variable.stored_type,
          variable.role,
          fmt::format("{:.3g} %", 100.0 * variable.missing_fraction),
          number(variable.min),
          number(variable.max),
          number(variable.mean),
          number(variable.std)};
}

std::string describe(const FileReport& file) {
  std::string text = file.path + '\n';
  if (!file.times.empty()) {
    const std::string step = file.step.empty() ? "" : fmt::format(", step {}", file.step);
    text += fmt::format("  {} times, {} to {}{}, calendar {}\n", file.times.size(),
                        format_time(file.times.front(), file.calendar),
                        format_time(file.times.back(), file.calendar), step, calendar_name(file.calendar));
  }
  if (file.grid.points() > 0) {
    const grid::Grid& grid = file.grid;
    const std::string places =
        grid.kind == grid::GridKind::rectilinear
            ? fmt::format("latitude {:g} to {:g}, longitude {:g} to {:g}{}", grid.latitude.front(),
                          grid.latitude.back(), grid.longitude.front(), grid.longitude.back(),
                          grid.periodic() ? ", global" : "")
        : grid.on_earth() ? "a place for each point, " + grid.extent_text()
                          : "rows and columns by number";
    text += fmt::format("  grid {} x {}, {}\n", grid.rows(), grid.columns(), places);
  }
  return text;
}

/// Six variables with the same mask are one thing to read.
bool same_but_variable(const Problem& a, const Problem& b) {
  return a.severity == b.severity && a.file == b.file && a.message == b.message && a.fix == b.fix;
}

}  // namespace

nlohmann::json InspectReport::to_json() const {
  nlohmann::json json = {{"files", nlohmann::json::array()},
                         {"variables", nlohmann::json::array()},
                         {"problems", nlohmann::json::array()}};
  for (const FileReport& file : files) {
    nlohmann::json entry = {{"path", file.path}, {"times", file.times.size()}, {"step", file.step}};
    if (!file.times.empty()) {
      entry["calendar"] = calendar_name(file.calendar);
      entry["first"] = format_time(file.times.front(), file.calendar);
      entry["last"] = format_time(file.times.back(), file.calendar);
    }
    entry["rows"] = file.grid.rows();
    entry["columns"] = file.grid.columns();
    json["files"].push_back(std::move(entry));
  }
  for (const VariableReport& variable : variables) {
    json["variables"].push_back({{"name", variable.name},
                                 {"file", variable.file},
                                 {"dims", variable.dims},
                                 {"shape", variable.shape},
                                 {"levels", variable.levels},
                                 {"units", variable.units},
                                 {"stored_type", variable.stored_type},
                                 {"role", variable.role},
                                 {"missing_fraction", variable.missing_fraction},
                                 {"infinite", variable.infinite},
                                 {"min", variable.min},
                                 {"max", variable.max},
                                 {"mean", variable.mean},
                                 {"std", variable.std}});
  }
  for (const Problem& problem : problems) {
    json["problems"].push_back({{"severity", problem.severity},
                                {"file", problem.file},
                                {"variable", problem.variable},
                                {"message", problem.message},
                                {"fix", problem.fix}});
  }
  return json;
}

std::string InspectReport::error_line() const {
  const auto is_error = [](const Problem& problem) { return problem.severity == "error"; };
  const auto first = std::find_if(problems.begin(), problems.end(), is_error);
  if (first == problems.end()) return "";
  const auto more = std::count_if(first + 1, problems.end(), is_error);
  std::string line;
  for (const std::string& part : {first->file, first->variable, first->message})
    line += (line.empty() || part.empty() ? "" : ": ") + part;
  if (!first->fix.empty()) line += "; " + first->fix;
  return more == 0 ? line : fmt::format("{} (and {} more in the report)", line, more);
}

std::string InspectReport::to_text() const {
  std::string text;
  for (const FileReport& file : files) {
    text += describe(file);
    std::vector<Row> rows = {
        {"variable", "dims", "units", "stored", "role", "missing", "min", "max", "mean", "std"}};
    for (const VariableReport& variable : variables) {
      if (variable.file == file.path) rows.push_back(describe(variable));
    }
    if (rows.size() > 1) text += table(rows);
    for (const VariableReport& variable : variables) {
      if (variable.file != file.path || variable.levels.empty()) continue;
      text += fmt::format("  levels of {}: {}\n", variable.name,
                          fmt::join(level_names(variable.name, variable.levels), ", "));
    }
    text += '\n';
  }
  if (problems.empty()) return text + "No problems found: this can be trained on.\n";
  const auto errors =
      std::count_if(problems.begin(), problems.end(), [](const Problem& p) { return p.severity == "error"; });
  const bool asks =
      std::ranges::any_of(variables, [](const VariableReport& v) { return v.fill.has_value(); });
  text += errors > 0 ? "Problems (an error must be mended before training):\n"
          : asks     ? "Problems (training asks for data.missing first):\n"
                     : "Problems (none of them keeps this from being trained on):\n";
  for (size_t i = 0; i < problems.size();) {
    const Problem& problem = problems[i];
    Row names;
    for (; i < problems.size() && same_but_variable(problems[i], problem); ++i)
      names.push_back(problems[i].variable);
    text +=
        fmt::format("  {}: {}{}{}{}{}\n    fix: {}\n", problem.severity, problem.file,
                    problem.file.empty() ? "" : ": ", fmt::join(names, ", "), names[0].empty() ? "" : ": ",
                    problem.message, problem.fix.empty() ? "see the message" : problem.fix);
  }
  return text;
}

}  // namespace seqvit::data
