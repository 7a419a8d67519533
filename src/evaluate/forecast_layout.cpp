#include "evaluate/forecast_layout.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/error.h"

namespace seqvit::evaluate {
namespace {

/// Index of the dim of this vertical coordinate, a new one where there is none yet.
int dim_of(std::vector<LevelDim>& dims, const data::LevelAxis& axis) {
  const auto same = [&](const LevelDim& dim) { return dim.axis.units() == axis.units(); };
  const auto found = std::find_if(dims.begin(), dims.end(), same);
  if (found != dims.end()) return static_cast<int>(found - dims.begin());
  const std::string name = dims.empty() ? "level" : fmt::format("level_{}", dims.size() + 1);
  dims.push_back({name, {axis.name, axis.attributes, {}}});
  return static_cast<int>(dims.size()) - 1;
}

/// One that is stored as float in another file is the same level; neighbours stay apart, however near.
bool holds(const std::vector<double>& levels, double level) {
  return std::any_of(levels.begin(), levels.end(),
                     [&](double other) { return static_cast<float>(other) == static_cast<float>(level); });
}

bool falls(const data::LevelAxis& axis) {
  return axis.values.size() > 1 && axis.values.front() > axis.values.back();
}

}  // namespace

ForecastDims ForecastLayout::parse_dims(const std::string& text) {
  if (text == "lead_time") return ForecastDims::lead_time;
  if (text == "valid_time") return ForecastDims::valid_time;
  if (text == "weatherbench") return ForecastDims::weatherbench;
  fail(Exit::usage, "--layout: expected lead_time, valid_time or weatherbench, found '{}'", text);
}

ForecastNames forecast_names(const data::Dataset& dataset, const std::vector<int64_t>& variables) {
  const std::vector<data::FieldName> names = data::field_names(dataset.variables());
  ForecastNames result;
  std::vector<bool> falling;
  for (const int64_t v : variables) {
    const data::VariableInfo& info = dataset.variables()[v];
    result.fields.push_back({names[v].name});
    if (!names[v].on_levels) continue;
    FieldPlace& place = result.fields.back();
    place.level_dim = dim_of(result.levels, *info.axis);
    falling.resize(result.levels.size(), falls(*info.axis));
    std::vector<double>& values = result.levels[place.level_dim].axis.values;
    if (!holds(values, info.level->value)) values.push_back(info.level->value);
  }
  for (size_t d = 0; d < result.levels.size(); ++d) {
    std::vector<double>& values = result.levels[d].axis.values;
    std::sort(values.begin(), values.end());
    if (falling[d]) std::reverse(values.begin(), values.end());
  }
  for (size_t position = 0; position < variables.size(); ++position) {
    FieldPlace& place = result.fields[position];
    if (place.level_dim < 0) continue;
    place.level = data::find_level(result.levels[place.level_dim].axis.values,
                                   dataset.variables()[variables[position]].level->value);
  }
  return result;
}

}  // namespace seqvit::evaluate
