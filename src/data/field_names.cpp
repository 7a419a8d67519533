#include "data/field_names.h"

#include <cctype>
#include <map>
#include <set>

#include "core/error.h"

namespace seqvit::data {
namespace {

/// Dims and coordinates of the files that are written: forecasts in all layouts, climatologies.
bool is_reserved(const std::string& name) {
  static const std::set<std::string> names = {
      "time",      "init_time", "lead_time", "valid_time", "prediction_timedelta",
      "number",    "lat",       "lon",       "latitude",   "longitude",
      "dayofyear", "hour",      "month"};
  return names.contains(name) || name == "level" || name.starts_with("level_");
}

}  // namespace

std::string cf_name(const std::string& name) {
  std::string result = name;
  for (char& c : result) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return result;
}

std::string base_name(const std::string& name) {
  return name.substr(0, name.rfind('@'));
}

std::vector<FieldName> field_names(const std::vector<VariableInfo>& variables) {
  // Names of fields without levels, and of variables with levels what these are.
  std::set<std::string> plain;
  std::map<std::string, std::string> bases;
  for (const VariableInfo& field : variables) {
    if (field.axis == nullptr) plain.insert(cf_name(field.name));
  }
  for (const VariableInfo& field : variables) {
    if (field.axis == nullptr) continue;
    const std::string name = cf_name(base_name(field.name)),
                      what = base_name(field.name) + " in " + field.axis->units();
    // Two variables, or two vertical coordinates, under one name: each level alone.
    if (bases.try_emplace(name, what).first->second != what) plain.insert(name);
  }
  std::map<std::string, std::string> taken;
  std::vector<FieldName> names;
  for (const VariableInfo& field : variables) {
    const std::string base = cf_name(base_name(field.name));
    if (is_reserved(base)) {
      fail(Exit::usage,
           "data.variables: '{}' is the name of a coordinate in forecasts; give it one of your own: "
           "{{new_name: {{from: '{}'}}}}",
           field.name, field.name);
    }
    if (field.axis != nullptr && !plain.contains(base)) {
      names.push_back({base, true});
      continue;
    }
    names.push_back({cf_name(field.name), false});
    const auto [other, is_new] = taken.try_emplace(names.back().name, field.name);
    if (is_new) continue;
    fail(
        Exit::usage,
        "data.variables: '{}' and '{}' differ in punctuation only and would both be '{}' in a forecast; name "
        "one of them yourself: {{new_name: {{from: '{}'}}}}",
        other->second, field.name, names.back().name, field.name);
  }
  return names;
}

}  // namespace seqvit::data
