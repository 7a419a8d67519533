#include "data/selection.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "core/log.h"
#include "core/stop.h"
#include "data/insolation.h"
#include "data/units.h"

namespace seqvit::data {
namespace {

template <typename T>
bool contains(const std::vector<T>& items, const T& item) {
  return std::find(items.begin(), items.end(), item) != items.end();
}

/// Levels of another file in the units of the first: 85000 Pa are 850 hPa.
void take_level_units(const LevelAxis& first, LevelAxis& axis) {
  const std::string from = axis.units(), to = first.units();
  if (from == to || from.empty() || to.empty()) return;
  const std::optional<UnitConversion> conversion = convert_units(from, to);
  if (!conversion || conversion->identity()) return;
  for (double& value : axis.values)
    value = value * conversion->scale + conversion->offset;
  axis.attributes["units"] = to;
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

Selection::Selection(const DatasetOptions& options, std::vector<std::string> paths)
    : reading_(options.reading),
      paths_(std::move(paths)),
      variables_(options.variables),
      statics_(options.statics),
      further_(options.forcings),
      computes_(std::ranges::count(options.forcings, kInsolation) > 0),
      sources_of_(options.sources),
      all_(options.variables.empty()) {
  further_.insert(further_.end(), options.diagnostics.begin(), options.diagnostics.end());
  if (!all_) variables_.insert(variables_.end(), further_.begin(), further_.end());
  check_names();
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
  check_selected();
  if (all_ && !variables_.empty()) variables_.insert(variables_.end(), further_.begin(), further_.end());
  expand_levels(variables_);
  expand_levels(statics_);
  if (all_ && variables_.empty()) {
    // A static field that has times after all says more about it.
    for (const std::string& name : statics_)
      pick_static(name);
    fail_without_fields();
  }
}

Wanted Selection::wanted(const std::string& name) const {
  const auto source = sources_of_.find(name);
  return source == sources_of_.end() ? Wanted::parse(name, false) : Wanted::parse(source->second, true);
}

std::string Selection::source_of(const std::string& name) const {
  const auto source = sources_of_.find(name);
  return source == sources_of_.end() ? "" : source->second;
}

void Selection::check_names() const {
  for (const auto* names : {&variables_, &statics_}) {
    for (size_t i = 0; i < names->size(); ++i) {
      if (std::find(names->begin(), names->begin() + i, (*names)[i]) == names->begin() + i) continue;
      fail(Exit::usage,
           "data: expected each variable once, found '{}' twice; remove one, or where they are two fields "
           "give one a name of its own: {{new_name: {{from: 'file.nc:{}'}}}}",
           (*names)[i], (*names)[i]);
    }
  }
  for (const auto& [name, source] : sources_of_) {
    if (!contains(variables_, name) && !contains(further_, name) && !contains(statics_, name)) {
      std::vector<std::string> names = variables_;
      names.insert(names.end(), further_.begin(), further_.end());
      names.insert(names.end(), statics_.begin(), statics_.end());
      fail(Exit::usage, "data.sources: expected names of data.variables or data.static, found '{}'{}", name,
           did_you_mean(name, names));
    }
    const Wanted field = wanted(name);
    if (std::none_of(paths_.begin(), paths_.end(), [&](const auto& path) { return field.in_file(path); })) {
      fail(Exit::usage, "{}: expected one of data.files ({}{}), found '{}', which is none of them", name,
           paths_[0], paths_.size() > 1 ? fmt::format(" and {} more", paths_.size() - 1) : "", field.file);
    }
  }
}

void Selection::check_selected() const {
  for (const auto& [name, value] : reading_.select) {
    if (dims_.contains(name)) continue;
    log_warn("data.select: no data file has a dimension '{}', only {}{}", name, fmt::join(dims_, ", "),
             did_you_mean(name, {dims_.begin(), dims_.end()}));
  }
}

/// "t@*" becomes the levels of t, under the name that stands for it.
void Selection::expand_levels(std::vector<std::string>& names) {
  std::vector<std::string> expanded;
  for (const std::string& name : names) {
    const Wanted field = wanted(name);
    if (!field.all_levels) {
      expanded.push_back(name);
      continue;
    }
    const std::string base = name.ends_with("@*") ? name.substr(0, name.size() - 2) : name;
    const std::string file = field.file.empty() ? "" : field.file + ":";
    bool found = false, on_levels = false;
    for (const Source& source : sources_) {
      if (source.variable.name != field.variable || !field.in_file(path(source))) continue;
      found = true;
      if (source.axis == nullptr) continue;
      on_levels = true;
      const std::vector<std::string> own = level_names(base, source.axis->values),
                                     stored = level_names(field.variable, source.axis->values);
      for (size_t k = 0; k < own.size(); ++k) {
        if (contains(expanded, own[k])) continue;
        expanded.push_back(own[k]);
        if (file + stored[k] != own[k]) sources_of_[own[k]] = file + stored[k];
      }
    }
    if (!found) fail_unknown(field.variable);
    if (!on_levels) {
      fail(Exit::data, "{}: expected a level dimension for '{}', found none; name the variable '{}'",
           paths_[0], name, field.variable);
    }
    sources_of_.erase(name);
  }
  names = std::move(expanded);
  check_names();
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
  for (const auto& [dim, info] : view.axes().dims)
    dims_.insert(dim);
  for (const FileVariable& variable : view.file().variables()) {
    const VariableRole role = view.roles().at(variable.name);
    const bool gridded = role == VariableRole::field || role == VariableRole::fixed;
    if (why_none_.empty()) why_none_ = why_no_field(view, variable);
    if (gridded && !contains(available_, variable.name)) available_.push_back(variable.name);
    const auto names_it = [&](const std::string& name) {
      const Wanted field = wanted(name);
      return field.in_file(paths_[file]) &&
             (field.as_named == variable.name || field.variable == variable.name);
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
    keep(std::move(source));
    if (!all_ || fixed) continue;
    for (const std::string& name : names_of(sources_.back())) {
      if (!contains(variables_, name) && !contains(further_, name)) variables_.push_back(name);
    }
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
  const auto known = std::find_if(sources_.begin(), sources_.end(), [&](const Source& other) {
    return other.variable.name == source.variable.name;
  });
  if (known != sources_.end() && known->axis && source.axis) take_level_units(*known->axis, *source.axis);
  // A field of one file by another name has attributes of its own.
  if (known != sources_.end() && sources_of_.empty())
    std::erase_if(source.variable.attributes, [](const auto& item) { return item.first != "units"; });
  sources_.push_back(std::move(source));
}

std::vector<std::string> Selection::names_of(const Source& source) const {
  if (!source.axis || source.axis->values.size() <= 1) return {source.variable.name};
  return level_names(source.variable.name, source.axis->values);
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
  const Wanted field = wanted(name);
  const Source* without_level = nullptr;
  for (const Source& source : sources_) {
    if (!field.in_file(path(source))) continue;
    if (source.variable.name == field.as_named) {
      if (source.axis && source.axis->values.size() > 1) {
        fail(Exit::data, "{}: {}: expected a variable at one level, found {} levels; name one of {}",
             path(source), name, source.axis->values.size(), fmt::join(names_of(source), ", "));
      }
      picks.push_back({&source, 0});
    } else if (field.level && source.variable.name == field.variable) {
      const int64_t level = source.axis ? find_level(source.axis->values, *field.level) : -1;
      if (level >= 0) picks.push_back({&source, level, true});
      without_level = &source;
    }
  }
  if (!picks.empty()) return picks;
  if (without_level == nullptr) fail_unknown(name);
  if (!without_level->axis) {
    fail(Exit::data, "{}: {}: expected a level dimension, found none; name the variable '{}'",
         path(*without_level), name, field.variable);
  }
  fail(Exit::data, "{}: {}: expected one of the levels {}, found {:g}; name one of them",
       path(*without_level), name, fmt::join(without_level->axis->values, ", "), *field.level);
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
