#include "data/inspect.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "core/log.h"
#include "data/catalog.h"
#include "data/file_grid.h"
#include "data/inspect_times.h"
#include "data/inspect_values.h"
#include "data/paths.h"
#include "data/source.h"

namespace seqvit::data {
namespace {

/// An Error's line "path: variable: what; what to do" as a problem.
Problem problem_of(const Error& error, const std::string& path, const std::string& variable) {
  std::string message = error.what(), fix;
  for (const std::string& part : {path, variable}) {
    if (!part.empty() && message.starts_with(part + ": ")) message.erase(0, part.size() + 2);
  }
  if (const size_t cut = message.find("; "); cut != std::string::npos) {
    fix = message.substr(cut + 2);
    message.erase(cut);
  }
  return {"error", path, variable, message, fix};
}

class Inspector {
 public:
  Inspector(std::vector<std::string> paths, int64_t cache_bytes, const FileReading& reading)
      : paths_(std::move(paths)), cache_bytes_(cache_bytes), reading_(reading) {}

  InspectReport run() {
    for (const std::string& path : paths_) {
      try {
        inspect_file(path);
      } catch (const Error& error) {
        // The others are looked at all the same.
        if (error.code() != Exit::data) throw;
        report_.problems.push_back(problem_of(error, path, ""));
        report_.files.push_back({path});
        fields_.emplace_back();
      }
    }
    check_chunks();
    compare_files();
    for (auto& [names, files] : sequences())
      check_sequence(std::move(files), report_.problems);
    check_pairs();
    try_to_open();
    return std::move(report_);
  }

 private:
  struct Chunked {
    std::string path, name, command;
    int64_t steps = 1;
  };

  void add(const std::string& severity, const std::string& path, const std::string& variable,
           std::string message, std::string fix) {
    report_.problems.push_back({severity, path, variable, std::move(message), std::move(fix)});
  }

  void inspect_file(const std::string& path) {
    FileView view(path, reading_);
    FileReport file;
    file.path = path;
    std::string fields;
    int64_t gridded = 0;
    wants_setting_.reset();
    std::set<std::string> said;  // variables on the same coordinates have the same problem
    for (const FileVariable& variable : view.file().variables()) {
      const VariableRole role = view.roles().at(variable.name);
      if (role != VariableRole::field && role != VariableRole::fixed) {
        if (role == VariableRole::ignored) explain_ignored(view, variable);
        continue;
      }
      ++gridded;
      if (role == VariableRole::field) fields += variable.name + ' ';
      if (progress_.due()) progress_.show(fmt::format("reading {}: {}", path, variable.name));
      const auto attempt = [&](auto&& action) {
        try {
          action();
        } catch (const Error& error) {
          if (error.code() != Exit::data) throw;
          if (said.insert(error.what()).second)
            report_.problems.push_back(problem_of(error, path, variable.name));
        }
      };
      std::optional<Source> source;
      attempt([&] { source = view.source(variable); });
      if (source) take_coordinates(*source, file);
      attempt([&] { inspect_variable(view, variable, role, source); });
    }
    if (gridded == 0) {
      // Where a setting would make a field of something, that it is missing is the error.
      if (wants_setting_)
        report_.problems[*wants_setting_].severity = "error";
      else
        add("error", path, "", "no variable has dims (time, lat, lon)",
            "give files with latitude-longitude grids");
    }
    check_order(file, report_.problems);
    report_.files.push_back(std::move(file));
    fields_.push_back(fields);
  }

  static void take_coordinates(const Source& source, FileReport& file) {
    if (file.grid.points() == 0) {
      file.grid = *source.grid;
      file.repeated_column = source.variable.dims[source.layout.longitude].size > file.grid.columns();
    }
    if (source.time == nullptr || !file.times.empty()) return;
    file.times = source.time->times;
    file.calendar = source.time->calendar;
    file.numbered = source.time->numbered;
    file.step = find_step(file.times, file.calendar);
  }

  void explain_ignored(const FileView& view, const FileVariable& variable) {
    if (variable.dims.size() < 2) return;
    if (variable.type == StoredType::other && variable.stored_type != "string") {
      add("warning", view.file().path(), variable.name,
          fmt::format("values of type {} are not read", variable.stored_type), "store them as numbers");
    }
    if (!variable.numeric()) return;
    const GridLayout layout = find_layout(variable, view.axes());
    if (layout.by_setting && !wants_setting_) wants_setting_ = report_.problems.size();
    add("warning", view.file().path(), variable.name, layout.problem,
        "only latitude-longitude grids are used: " + layout.fix);
  }

  /// `source`: unless its coordinates cannot be read.
  void inspect_variable(const FileView& view, const FileVariable& variable, VariableRole role,
                        const std::optional<Source>& source) {
    const GridLayout layout = find_layout(variable, view.axes());
    check_size(view.file(), variable);
    const ValueSummary summary = summarise_values(view.file(), variable, layout);
    VariableReport result;
    result.name = variable.name;
    result.file = view.file().path();
    result.units = variable.text("units");
    result.stored_type = variable.stored_type;
    result.role = role_name(role);
    for (const FileDim& dim : variable.dims) {
      result.dims.push_back(dim.name);
      result.shape.push_back(dim.size);
    }
    if (source && source->axis && source->axis->values.size() > 1) result.levels = source->axis->values;
    if (summary.fill && !reading_.missing.contains(variable.name)) result.fill = summary.fill->value;
    result.infinite = summary.infinite;
    result.missing_fraction = summary.missing_fraction();
    result.min = summary.moments.min();
    result.max = summary.moments.max();
    result.mean = summary.moments.mean();
    result.std = summary.moments.std();
    if (layout.merged >= 0 && variable.dims[layout.merged].size > 1)
      add("warning", view.file().path(), variable.name,
          fmt::format("{} versions along {} are read as one: of each value the first that is not missing",
                      variable.dims[layout.merged].size, variable.dims[layout.merged].name),
          "nothing need be done");
    check_values(result, summary, source);
    if (layout.time >= 0) note_chunks(view.file().path(), variable, layout);
    report_.variables.push_back(std::move(result));
  }

  void check_values(const VariableReport& variable, const ValueSummary& summary,
                    const std::optional<Source>& source) {
    const std::string &path = variable.file, &name = variable.name;
    // Fields are trained on unless data.variables says otherwise, static ones where data.static names them.
    const bool is_static = variable.role == "static";
    const std::string where = is_static ? "data.static" : "data.variables";
    const char* const no_use = is_static ? "warning" : "error";
    const auto percent = [&](int64_t points) {
      return fmt::format("{:.3g} %",
                         100.0 * static_cast<double>(points) / static_cast<double>(summary.points));
    };
    if (summary.infinite > 0) {
      add("warning", path, name,
          fmt::format("{} of {} values ({:.3g} %) are infinite, first at {}", summary.infinite,
                      summary.values,
                      100.0 * static_cast<double>(summary.infinite) / static_cast<double>(summary.values),
                      place_text(variable, summary.first_infinite, source)),
          "they count as missing; find out how they came into the file, or mark them (_FillValue)");
    }
    if (summary.outside > 0)
      add("warning", path, name,
          fmt::format("{} of {} values ({:.3g} %) lie outside of what its attributes call valid",
                      summary.outside, summary.values,
                      100.0 * static_cast<double>(summary.outside) / static_cast<double>(summary.values)),
          "they count as missing (CF 1.11, section 2.5.1; xarray would keep them); where they are real, "
          "correct valid_min, valid_max or valid_range");
    if (summary.values == 0) return add("error", path, name, "holds no values", "leave the file out");
    if (summary.moments.count() == 0) {
      return add(no_use, path, name, "every value is missing", "leave it out of " + where);
    }
    if (summary.moments.constant()) {
      add(no_use, path, name, fmt::format("every value is {:g}", summary.moments.mean()),
          "leave it out of " + where);
    }
    if (variable.fill)
      add("warning", path, name, summary.fill->text(), SuspectFill::fix(name, summary.fill->value));
    if (summary.sometimes_missing > 0) {
      add("warning", path, name,
          fmt::format("{} of the points are missing at some times only (a mask that changes), {} always",
                      percent(summary.sometimes_missing), percent(summary.always_missing)),
          "nothing need be done: the loss leaves these points out when they are missing, the input has the "
          "mean there; fill them if the model should learn them");
    } else if (summary.always_missing > 0) {
      add("warning", path, name,
          fmt::format("{} of the points are always missing: a fixed mask, such as land or sea",
                      percent(summary.always_missing)),
          "nothing need be done: the loss and the scores leave these points out, the input has the mean "
          "there");
    }
  }

  /// "2000-01-01T06:00:00, latitude 50, longitude 20"; by the names and indices of dims where there is no
  /// source.
  static std::string place_text(const VariableReport& variable, const std::vector<int64_t>& place,
                                const std::optional<Source>& source) {
    std::vector<std::string> words;
    for (size_t d = 0; d < place.size(); ++d) {
      const auto is = [&](int GridLayout::*dim) {
        return source && source->layout.*dim == static_cast<int>(d);
      };
      const int64_t at = place[d];
      if (is(&GridLayout::time))
        words.push_back(format_time(source->time->times[at], source->time->calendar));
      else if (is(&GridLayout::latitude) && source->grid->kind == grid::GridKind::rectilinear)
        words.push_back(fmt::format("latitude {:g}", source->grid->latitude[at]));
      else if (is(&GridLayout::longitude) && source->grid->kind == grid::GridKind::rectilinear)
        words.push_back(fmt::format("longitude {:g}", source->grid->longitude[at % source->grid->columns()]));
      else
        words.push_back(fmt::format("{}[{}]", variable.dims[d], at));
    }
    return fmt::format("{}", fmt::join(words, ", "));
  }

  void note_chunks(const std::string& path, const FileVariable& variable, const GridLayout& layout) {
    decoded_bytes_ += variable.size() * static_cast<int64_t>(sizeof(float));
    if (variable.chunk.empty() || variable.chunk[layout.time] <= 1) return;
    std::vector<std::string> chunks;
    for (size_t d = 0; d < variable.dims.size(); ++d) {
      const bool whole = static_cast<int>(d) == layout.latitude || static_cast<int>(d) == layout.longitude;
      chunks.push_back(fmt::format("{}/{}", variable.dims[d].name, whole ? variable.dims[d].size : 1));
    }
    chunked_.push_back({path, variable.name,
                        fmt::format("nccopy -c {} {} new_file", fmt::join(chunks, ","), path),
                        variable.chunk[layout.time]});
  }

  void check_chunks() {
    if (decoded_bytes_ <= cache_bytes_) return;
    for (const Chunked& chunk : chunked_) {
      add("warning", chunk.path, chunk.name,
          fmt::format("chunks span {} times, and the decoded fields ({:.3g} GB) exceed the memory for them "
                      "({:.3g} GB): reading one time at random decodes {}",
                      chunk.steps, static_cast<double>(decoded_bytes_) * 1e-9,
                      static_cast<double>(cache_bytes_) * 1e-9, chunk.steps),
          "rewrite it with one time a chunk: " + chunk.command);
    }
  }

  void compare_files() {
    const FileReport* first = nullptr;
    const FileReport* first_timed = nullptr;
    for (const FileReport& file : report_.files) {
      if (file.grid.points() == 0) continue;
      check_columns(file);
      if (first == nullptr) first = &file;
      if (!match_grids(first->grid, file.grid)) {
        add("error", file.path, "",
            fmt::format("the grid ({} x {}) differs from that of {} ({} x {})", file.grid.rows(),
                        file.grid.columns(), first->path, first->grid.rows(), first->grid.columns()),
            "regrid it (cdo remapbil), or train on files of one grid");
      }
      if (file.times.empty()) continue;
      if (first_timed == nullptr) first_timed = &file;
      TimeStamp time = file.times[0];
      if (convert_time(time, file.calendar, first_timed->calendar)) continue;
      add("error", file.path, "time",
          fmt::format("the calendar {} differs from {} in {}", calendar_name(file.calendar),
                      calendar_name(first_timed->calendar), first_timed->path),
          "use files of one calendar (cdo setcalendar relabels the times)");
    }
  }

  void check_columns(const FileReport& file) {
    if (!file.repeated_column) return;
    add("warning", file.path, "", "the last column repeats the first, one turn on",
        "nothing need be done: it is left out");
  }

  std::map<std::string, std::vector<const FileReport*>> sequences() const {
    std::map<std::string, std::vector<const FileReport*>> result;
    for (size_t i = 0; i < report_.files.size(); ++i) {
      if (!fields_[i].empty()) result[fields_[i]].push_back(&report_.files[i]);
    }
    return result;
  }

  /// How many times the files have that hold the same fields, by these.
  std::map<std::string, size_t> times_by_fields() const {
    std::map<std::string, size_t> times;
    for (size_t i = 0; i < paths_.size(); ++i) {
      if (!fields_[i].empty()) times[fields_[i]] += report_.files[i].times.size();
    }
    return times;
  }

  bool has_errors() const {
    return std::any_of(report_.problems.begin(), report_.problems.end(),
                       [](const Problem& problem) { return problem.severity == "error"; });
  }

  /// A model learns from pairs of times.
  void check_pairs() {
    if (has_errors()) return;
    const auto times = times_by_fields();
    if (times.empty()) {
      add("error", paths_[0], "", "no variable has a time dimension, and a model learns from pairs of times",
          "give them one (ncecat -u time), or name them in data.static beside files that have times");
    } else if (std::all_of(times.begin(), times.end(), [](const auto& item) { return item.second < 2; })) {
      add("error", paths_[0], "time", "one time only, and a model learns from pairs of times",
          "add files of other times; a trained model can start a forecast from this one");
    }
  }

  /// Whatever else training would refuse: `inspect` must not call good what `train` then refuses.
  void try_to_open() {
    if (has_errors()) return;
    std::map<std::string, size_t> times = times_by_fields();
    DatasetOptions options;
    options.reading = reading_;
    for (size_t i = 0; i < paths_.size(); ++i) {
      // A lone time beside long series is a static field.
      if (times[fields_[i]] > 1) options.files.push_back(paths_[i]);
    }
    const auto timed =
        std::ranges::find_if(report_.files, [](const FileReport& file) { return file.times.size() > 1; });
    options.monthly = timed != report_.files.end() && timed->step.ends_with("mon");
    try {
      const Dataset dataset(options);
    } catch (const Error& error) {
      const std::string line = error.what();
      const auto named = [&](const std::string& path) { return line.starts_with(path + ": "); };
      const auto path = std::find_if(paths_.begin(), paths_.end(), named);
      report_.problems.push_back(problem_of(error, path == paths_.end() ? "" : *path, ""));
    }
  }

  std::vector<std::string> paths_;
  int64_t cache_bytes_;
  const FileReading& reading_;
  InspectReport report_;
  std::vector<std::string> fields_;      // names of each file's fields
  std::optional<size_t> wants_setting_;  // the first problem of this file that a setting would mend
  std::vector<Chunked> chunked_;
  int64_t decoded_bytes_ = 0;
  Progress progress_;
};

}  // namespace

InspectReport inspect_files(const std::vector<std::string>& files, int64_t cache_bytes,
                            const FileReading& reading) {
  return Inspector(expand_paths(files), cache_bytes, reading).run();
}

}  // namespace seqvit::data
