#include "data/selection.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "core/log.h"
#include "core/stop.h"
#include "data/insolation.h"

namespace seqvit::data {
namespace {

template <typename T>
bool contains(const std::vector<T>& items, const T& item) {
  return std::find(items.begin(), items.end(), item) != items.end();
}

struct LevelName {
  std::string base;
  double level = 0.0;
};

/// "t@850" taken apart, or nothing for a plain name.
std::optional<LevelName> split_level(const std::string& name) {
  const size_t at = name.rfind('@');
  if (at == std::string::npos || at == 0) return std::nullopt;
  LevelName result{name.substr(0, at)};
  const char *first = name.data() + at + 1, *last = name.data() + name.size();
  const auto [end, error] = std::from_chars(first, last, result.level);
  if (error != std::errc{} || end != last) return std::nullopt;
  return result;
}

/// Index of a level, or -1. A level stored as float, or written to a few digits, is the same level.
int64_t find_level(const std::vector<double>& levels, double wanted) {
  for (size_t k = 0; k < levels.size(); ++k) {
    if (std::abs(levels[k] - wanted) <= 1e-5 * std::max(std::abs(wanted), 1e-3))
      return static_cast<int64_t>(k);
  }
  return -1;
}

/// "" for a field, and for what nobody would take for one.
std::string why_no_field(const FileView& view, const FileVariable& variable) {
  const std::string& path = view.file().path();
  switch (view.roles().at(variable.name)) {
    case VariableRole::fixed:
      return fmt::format(
          "{}: {}: expected dims (time, lat, lon), found no time; give it one (ncecat -u time), or name it "
          "in data.static beside files that have times",
          path, variable.name);
    case VariableRole::ignored: {
      const GridLayout layout = find_layout(variable, view.axes());
      if (variable.dims.size() < 2 || !variable.numeric()) return "";
      return fmt::format("{}: {}: {}; {}", path, variable.name, layout.problem, layout.fix);
    }
    default:
      return "";
  }
}

}  // namespace

std::string level_name(const std::string& variable, double level) {
  return fmt::format("{}@{:g}", variable, level);
}

Selection::Selection(const DatasetOptions& options, std::vector<std::string> paths)
    : reading_(options.reading),
      paths_(std::move(paths)),
      variables_(options.variables),
      statics_(options.statics),
      further_(options.forcings),
      computes_(std::ranges::count(options.forcings, kInsolation) > 0),
      all_(options.variables.empty()) {
  further_.insert(further_.end(), options.diagnostics.begin(), options.diagnostics.end());
  if (!all_) variables_.insert(variables_.end(), further_.begin(), further_.end());
  for (const auto* names : {&variables_, &statics_}) {
    for (size_t i = 0; i < names->size(); ++i) {
      if (std::find(names->begin(), names->begin() + i, (*names)[i]) == names->begin() + i) continue;
      fail(Exit::usage, "data: expected each variable once, found '{}' twice; remove one", (*names)[i]);
    }
  }
  Progress progress;
  std::vector<std::string> failures;
  for (size_t file = 0; file < paths_.size(); ++file) {
    throw_if_stopped();
    try {
      scan(file);
    } catch (const Error& error) {
      if (error.code() != Exit::data) throw;
      failures.emplace_back(error.what());  // the others are looked at all the same
    }
    if (progress.due()) progress.show(fmt::format("opening data files: {} of {}", file + 1, paths_.size()));
  }
  if (failures.size() == 1) throw Error(Exit::data, failures[0]);
  if (failures.size() > 1) {
    throw Error(Exit::data, fmt::format("{} (and {} more of the {} files: seqvit inspect names each)",
                                        failures[0], failures.size() - 1, paths_.size()));
  }
  if (all_ && !variables_.empty()) variables_.insert(variables_.end(), further_.begin(), further_.end());
  if (all_ && variables_.empty()) {
    // A static field that has times after all says more about it.
    for (const std::string& name : statics_)
      pick_static(name);
    fail_without_fields();
  }
}

void Selection::fail_without_fields() const {
  if (why_none_.empty()) {
    fail(Exit::data,
         "{}: expected a variable with dims (time, lat, lon), found none of more than one dimension; give "
         "files with latitude-longitude grids",
         paths_[0]);
  }
  throw Error(Exit::data, why_none_);
}

void Selection::scan(size_t file) {
  FileView view = open(file);
  stamps_.push_back(view.file().stamp());
  for (const FileVariable& variable : view.file().variables()) {
    const VariableRole role = view.roles().at(variable.name);
    const bool gridded = role == VariableRole::field || role == VariableRole::fixed;
    if (why_none_.empty()) why_none_ = why_no_field(view, variable);
    if (gridded && !contains(available_, variable.name)) available_.push_back(variable.name);
    const auto names_it = [&](const std::string& name) {
      const std::optional<LevelName> level = split_level(name);
      return name == variable.name || (level && level->base == variable.name);
    };
    const bool fixed = std::any_of(statics_.begin(), statics_.end(), names_it);
    const bool wanted = all_ ? role == VariableRole::field && !fixed
                             : std::any_of(variables_.begin(), variables_.end(), names_it);
    if (!fixed && !wanted) continue;
    if (!variable.numeric()) {
      fail(Exit::data, "{}: {}: expected numbers, found values of type {}; leave this variable out",
           paths_[file], variable.name, variable.stored_type);
    }
    Source source = view.source(variable);
    source.file = file;
    if (all_ && !fixed) {
      for (const std::string& name : names_of(source)) {
        if (!contains(variables_, name) && !contains(further_, name)) variables_.push_back(name);
      }
    }
    keep(std::move(source));
  }
}

/// Over thousands of files the grids are the same and the attributes are wanted once.
void Selection::keep(Source source) {
  for (const Source& other : sources_) {
    if (other.grid->latitude == source.grid->latitude && other.grid->longitude == source.grid->longitude) {
      source.grid = other.grid;
      break;
    }
  }
  const bool known = std::any_of(sources_.begin(), sources_.end(), [&](const Source& other) {
    return other.variable.name == source.variable.name;
  });
  if (known)
    std::erase_if(source.variable.attributes, [](const auto& item) { return item.first != "units"; });
  sources_.push_back(std::move(source));
}

std::vector<std::string> Selection::names_of(const Source& source) const {
  if (source.levels.size() <= 1) return {source.variable.name};
  std::vector<std::string> names;
  for (const double level : source.levels)
    names.push_back(level_name(source.variable.name, level));
  return names;
}

void Selection::fail_unknown(const std::string& name) const {
  std::vector<std::string> names = available_;
  for (const Source& source : sources_) {
    for (std::string& item : names_of(source)) {
      if (!contains(names, item)) names.push_back(std::move(item));
    }
  }
  const std::string more = paths_.size() > 1 ? fmt::format(" and {} more", paths_.size() - 1) : "";
  fail(Exit::data, "{}{}: {}: expected one of the gridded variables {}, found none of this name{}", paths_[0],
       more, name, fmt::join(names, ", "), did_you_mean(name, names));
}

std::vector<Pick> Selection::pick(const std::string& name) const {
  std::vector<Pick> picks;
  const std::optional<LevelName> wanted = split_level(name);
  const Source* without_level = nullptr;
  for (const Source& source : sources_) {
    if (source.variable.name == name) {
      if (source.levels.size() > 1) {
        fail(Exit::data, "{}: {}: expected a variable at one level, found {} levels; name one of {}",
             path(source), name, source.levels.size(), fmt::join(names_of(source), ", "));
      }
      picks.push_back({&source, 0});
    } else if (wanted && source.variable.name == wanted->base) {
      const int64_t level = find_level(source.levels, wanted->level);
      if (level >= 0) picks.push_back({&source, level});
      without_level = &source;
    }
  }
  if (!picks.empty()) return picks;
  if (without_level == nullptr) fail_unknown(name);
  if (without_level->levels.empty()) {
    fail(Exit::data, "{}: {}: expected a level dimension, found none; name the variable '{}'",
         path(*without_level), name, wanted->base);
  }
  fail(Exit::data, "{}: {}: expected one of the levels {}, found {:g}; name one of them",
       path(*without_level), name, fmt::join(without_level->levels, ", "), wanted->level);
}

bool Selection::computes(const std::string& name) const {
  return name == kInsolation && computes_ && !contains(available_, name);
}

std::vector<Pick> Selection::pick_variable(const std::string& name) const {
  const std::vector<Pick> picks = pick(name);
  for (const Pick& pick : picks) {
    if (pick.source->role == VariableRole::field) continue;
    fail(Exit::data,
         "{}: {}: expected dims (time, lat, lon), found no time; name it in data.static instead of "
         "data.variables",
         path(*pick.source), name);
  }
  return picks;
}

Pick Selection::pick_static(const std::string& name) const {
  const Pick pick = this->pick(name).front();
  if (pick.source->steps() != 1) {
    fail(Exit::data,
         "{}: {}: expected a field without time, found {} times; name it in data.variables instead of "
         "data.static",
         path(*pick.source), name, pick.source->steps());
  }
  return pick;
}

}  // namespace seqvit::data
