#include "data/starter_config.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "data/inspect_times.h"
#include "data/level_axis.h"

namespace seqvit::data {
namespace {

/// In quotes where YAML would read something else than text.
std::string quoted(const std::string& text) {
  const bool plain = text.find_first_of(" :#{}[],&*!|>'\"%@`") == std::string::npos;
  return plain ? text : '"' + text + '"';
}

std::string list(const std::vector<std::string>& items) {
  std::vector<std::string> texts;
  for (const std::string& item : items)
    texts.push_back(quoted(item));
  return fmt::format("[{}]", fmt::join(texts, ", "));
}

bool has_error(const InspectReport& report, const std::string& file, const std::string& variable) {
  return std::any_of(report.problems.begin(), report.problems.end(), [&](const Problem& problem) {
    return problem.severity == "error" && problem.file == file && problem.variable == variable;
  });
}

/// All times of the files that hold `variable`, in order.
std::vector<TimeStamp> times_of(const InspectReport& report, const std::string& variable) {
  std::set<std::string> files;
  for (const VariableReport& entry : report.variables) {
    if (entry.name == variable) files.insert(entry.file);
  }
  std::vector<TimeStamp> times;
  for (const FileReport& file : report.files) {
    if (files.contains(file.path)) times.insert(times.end(), file.times.begin(), file.times.end());
  }
  std::sort(times.begin(), times.end());
  return times;
}

struct Split {
  std::string train, validation, test, comment;
};

Split split_of(const std::vector<TimeStamp>& times, Calendar calendar, bool numbered) {
  const auto count = static_cast<double>(times.size());
  const auto at = [&](double share) { return static_cast<size_t>(std::lround(share * count)); };
  if (numbered) {
    const auto part = [&](size_t from, size_t to) { return fmt::format("{{index: [{}, {}]}}", from, to); };
    return {part(0, at(0.7)), part(at(0.7), at(0.8)), part(at(0.8), times.size()),
            "time indices, the last excluded: about 70, 10 and 20 %"};
  }
  const int64_t first = to_date_time(times.front(), calendar).year,
                last = to_date_time(times.back(), calendar).year;
  const int64_t years = last - first + 1;
  if (years >= 5) {
    const auto part = [](int64_t from, int64_t to) { return fmt::format("[{}, {}]", from, to); };
    const int64_t test = std::max<int64_t>(1, years / 5), validation = std::max<int64_t>(1, years / 10);
    return {part(first, last - test - validation), part(last - test - validation + 1, last - test),
            part(last - test + 1, last), "years, the last included: about 70, 10 and 20 %"};
  }
  const auto date = [&](size_t index) { return format_time(times[index], calendar); };
  const auto part = [&](size_t from, size_t to) {
    return fmt::format("[\"{}\", \"{}\"]", date(from), date(to - 1));
  };
  return {part(0, at(0.7)), part(at(0.7), at(0.8)), part(at(0.8), times.size()),
          "times, the last included: about 70, 10 and 20 %"};
}

/// The smallest patch that leaves at most `kTokens` tokens and divides the grid; where none does, the
/// smallest.
int64_t patch_size(const grid::Grid& grid) {
  constexpr int64_t kTokens = 1024;
  int64_t smallest = 0;
  for (int64_t patch = 1; patch <= std::min(grid.rows(), grid.columns()); ++patch) {
    const int64_t tokens = ((grid.rows() + patch - 1) / patch) * ((grid.columns() + patch - 1) / patch);
    if (tokens > kTokens) continue;
    if (smallest == 0) smallest = patch;
    if (grid.rows() % patch == 0 && grid.columns() % patch == 0) return patch;
    if (patch >= 3 * smallest) break;
  }
  return std::max<int64_t>(1, smallest);
}

std::string map_of(const std::map<std::string, std::vector<double>>& lists) {
  std::vector<std::string> parts;
  for (const auto& [name, values] : lists)
    parts.push_back(fmt::format("{}: [{:.7g}]", quoted(name), fmt::join(values, ", ")));
  return fmt::format("{{{}}}", fmt::join(parts, ", "));
}

}  // namespace

std::string starter_config(const InspectReport& report, const FileReading& reading) {
  std::vector<std::string> files, fields, statics;
  std::vector<TimeStamp> times;
  std::map<std::string, std::vector<double>> missing = reading.missing;
  std::string guessed;
  for (const VariableReport& variable : report.variables) {
    if (has_error(report, variable.file, variable.name)) continue;
    const bool fixed = variable.role == "static";
    std::vector<TimeStamp> own = fixed ? std::vector<TimeStamp>{} : times_of(report, variable.name);
    if (!fixed && fields.empty()) times = own;
    if (!fixed && own != times) continue;
    std::vector<std::string>& names = fixed ? statics : fields;
    std::vector<std::string> levels = {variable.name};
    if (!variable.levels.empty()) levels = level_names(variable.name, variable.levels);
    for (const std::string& name : levels) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
    if (variable.fill && !missing.contains(variable.name)) {
      missing[variable.name] = {*variable.fill};
      guessed += (guessed.empty() ? "" : ", ") + variable.name;
    }
  }
  if (fields.empty() || times.size() < 2) {
    fail(Exit::data,
         "{}: expected a field with times to write a configuration for, found none; see the report",
         report.files.front().path);
  }
  for (const FileReport& file : report.files)
    files.push_back(std::filesystem::absolute(file.path));
  const FileReport* first = &report.files.front();
  for (const FileReport& file : report.files) {
    if (!file.times.empty() && first->times.empty()) first = &file;
  }
  const std::string step = find_step(times, first->calendar);
  const std::string lead =
      step.empty() || step == "irregular" ? LeadTime{times[1] - times[0], 0}.text() : step;
  const Split split = split_of(times, first->calendar, first->numbered);
  const int64_t patch = patch_size(first->grid);
  const int64_t rows = (first->grid.rows() + patch - 1) / patch,
                columns = (first->grid.columns() + patch - 1) / patch;
  const auto samples = static_cast<int64_t>(0.7 * static_cast<double>(times.size()));
  const int64_t batch = std::clamp<int64_t>(samples / 4, 1, 8),
                steps = std::clamp<int64_t>(12 * samples / batch, 100, 2000);

  std::string text = fmt::format(
      "# Written by `seqvit inspect --config` from what the files hold: a start, to be changed. Every "
      "setting: `seqvit --settings`.\n"
      "data:\n  files: {}\n  variables: {}   # predicted, and read; a level is a variable of its own\n",
      list(files), list(fields));
  text +=
      "  # forcings: []   # of those that are read and not predicted: sea surface; insolation is computed\n"
      "  # diagnostics: []   # of those that are predicted and not read: precipitation, fluxes\n";
  if (!statics.empty())
    text += fmt::format("  static: {}   # without time: read, not predicted\n", list(statics));
  text += fmt::format("  lead_time: {}   # one step of a forecast\n", lead);
  if (reading.index_grid) text += "  grid: index   # rows and columns by number\n";
  if (reading.index_time) text += "  time: index   # times by number\n";
  for (const auto& [dim, value] : reading.select)
    text += fmt::format("  select: {{{}: {:g}}}\n", quoted(dim), value);
  if (!missing.empty()) {
    text += fmt::format(
        "  missing: {}{}\n", map_of(missing),
        guessed.empty() ? "" : "   # guessed for " + guessed + "; an empty list where it is real");
  }
  text += fmt::format("  split:   # {}\n    train: {}\n    validation: {}\n    test: {}\n", split.comment,
                      split.train, split.validation, split.test);
  text += fmt::format(
      "model:\n  patch_size: {}   # {} x {} patches of the {} x {} points{}; smaller: more tokens, more "
      "time\n"
      "  tokens: joint   # variable, aggregated: variables apart\n  embed_dim: 128\n  depth: 4\n  num_heads: "
      "4\n",
      patch, rows, columns, first->grid.rows(), first->grid.columns(),
      first->grid.rows() % patch + first->grid.columns() % patch == 0 ? "" : ", the overhang padded");
  text += fmt::format(
      "train:\n  steps: {}   # about {} times through the data; `seqvit bench` on this file shows what a "
      "step takes here\n"
      "  batch_size: {}\n  learning_rate: 1e-3\n  warmup_steps: {}\n  weight_decay: 0.01\n  validate_every: "
      "{}\n"
      "  checkpoint_every: {}\nevaluate:\n  leads: [{}]   # multiples of data.lead_time\n",
      steps, steps * batch / std::max<int64_t>(1, samples), batch, std::min<int64_t>(100, steps / 5),
      std::max<int64_t>(50, steps / 8), std::max<int64_t>(50, steps / 4), lead);
  return text;
}

}  // namespace seqvit::data
