#include "data/coordinates.h"

#include <algorithm>
#include <array>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/words.h"

namespace seqvit::data {
namespace {

using Words = std::initializer_list<std::string_view>;

bool is_one_of(const std::string& word, Words words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string word_of(std::string_view text) {
  return lower(trimmed(text));
}

/// Units that say nothing against an angle (an axis in metres is that of a map projection).
bool may_be_angle(const std::string& units) {
  return is_one_of(units, {"", "degrees", "degree", "deg", "1"});
}

DimRole role_by_attributes(const NetcdfVariable& variable) {
  const std::string standard = word_of(variable.text("standard_name")),
                    units = word_of(variable.text("units"));
  const std::string axis = word_of(variable.text("axis"));
  if (is_one_of(standard, {"latitude", "grid_latitude"})) return DimRole::latitude;
  if (is_one_of(standard, {"longitude", "grid_longitude"})) return DimRole::longitude;
  if (standard == "time" || units.find(" since ") != std::string::npos) return DimRole::time;
  if (is_one_of(units, {"degrees_north", "degree_north", "degrees_n", "degree_n", "degreesn", "degreen"})) {
    return DimRole::latitude;
  }
  if (is_one_of(units, {"degrees_east", "degree_east", "degrees_e", "degree_e", "degreese", "degreee"})) {
    return DimRole::longitude;
  }
  if (axis == "t") return DimRole::time;
  if (axis == "y" && may_be_angle(units)) return DimRole::latitude;
  if (axis == "x" && may_be_angle(units)) return DimRole::longitude;
  const bool vertical =
      is_one_of(standard, {"air_pressure", "height", "altitude", "depth", "model_level_number"}) ||
      standard.starts_with("atmosphere_") || standard.starts_with("ocean_sigma");
  const bool pressure =
      is_one_of(units, {"pa", "hpa", "kpa", "mb", "mbar", "millibar", "millibars", "bar", "dbar"});
  if (axis == "z" || !variable.text("positive").empty() || vertical || pressure) return DimRole::level;
  return DimRole::other;
}

DimRole role_by_name(const std::string& name, const std::string& units) {
  const std::string word = word_of(name);
  // With units that are none of a time, reading it says so.
  if (is_one_of(word, {"time", "valid_time", "times"}) || (word == "t" && units.empty()))
    return DimRole::time;
  if (is_one_of(word, {"lat", "latitude", "lats", "nlat", "y", "rlat"}) && may_be_angle(units))
    return DimRole::latitude;
  if (is_one_of(word, {"lon", "longitude", "lons", "nlon", "x", "rlon", "long"}) && may_be_angle(units)) {
    return DimRole::longitude;
  }
  if (is_one_of(word, {"level", "lev", "levels", "plev", "isobaricinhpa", "pressure_level", "pressure",
                       "height", "height_level", "depth", "altitude", "model_level", "hybrid", "sigma", "z",
                       "isobaric", "ilev"})) {
    return DimRole::level;
  }
  return DimRole::other;
}

DimRole role_of(const NetcdfVariable& coordinate) {
  const DimRole role = role_by_attributes(coordinate);
  return role != DimRole::other ? role : role_by_name(coordinate.name, word_of(coordinate.text("units")));
}

/// `along`: the variables of numbers that have this dimension alone.
DimInfo recognise(const std::string& dim, const std::vector<const NetcdfVariable*>& along) {
  for (const NetcdfVariable* variable : along) {
    if (variable->name == dim) return {role_of(*variable), variable};
  }
  // lat(nlat): a coordinate that does not carry its dimension's name.
  for (const NetcdfVariable* variable : along) {
    const DimRole role = role_of(*variable);
    if (role != DimRole::other) return {role, variable};
  }
  return {role_by_name(dim, ""), nullptr};
}

std::string dims_text(const NetcdfVariable& variable) {
  std::vector<std::string> names;
  for (const NetcdfDim& dim : variable.dims)
    names.push_back(dim.name);
  return fmt::format("({})", fmt::join(names, ", "));
}

/// The words of an attribute such as "lat lon" or "area: cell_area".
std::vector<std::string> words(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> result;
  for (std::string word; in >> word;) {
    if (word.back() != ':') result.push_back(word);
  }
  return result;
}

}  // namespace

std::map<std::string, DimInfo> recognise_dims(const NetcdfFile& file) {
  std::map<std::string, std::vector<const NetcdfVariable*>> along;
  for (const NetcdfVariable& variable : file.variables()) {
    for (const NetcdfDim& dim : variable.dims) {
      std::vector<const NetcdfVariable*>& of_dim = along[dim.name];
      if (variable.dims.size() == 1 && variable.numeric()) of_dim.push_back(&variable);
    }
  }
  std::map<std::string, DimInfo> result;
  for (const auto& [dim, variables] : along)
    result[dim] = recognise(dim, variables);
  return result;
}

GridLayout find_layout(const NetcdfVariable& variable, const std::map<std::string, DimInfo>& dims) {
  GridLayout layout;
  const auto problem = [&](const std::string& why) {
    layout.problem = fmt::format("expected dims (time, lat, lon), found {}{}", dims_text(variable), why);
    return layout;
  };
  std::string other;
  for (int d = 0; d < static_cast<int>(variable.dims.size()); ++d) {
    const NetcdfDim& dim = variable.dims[d];
    int* place = nullptr;
    switch (dims.at(dim.name).role) {
      case DimRole::time:
        place = &layout.time;
        break;
      case DimRole::level:
        place = &layout.level;
        break;
      case DimRole::latitude:
        place = &layout.latitude;
        break;
      case DimRole::longitude:
        place = &layout.longitude;
        break;
      case DimRole::other:
        if (dim.size != 1 && other.empty()) other = dim.name;
        continue;
    }
    if (*place >= 0) {
      return problem(
          fmt::format(", where '{}' and '{}' mean the same", variable.dims[*place].name, dim.name));
    }
    *place = d;
  }
  const bool on_grid = layout.latitude >= 0 && layout.longitude >= 0;
  if (!other.empty()) {
    if (on_grid) layout.fix = fmt::format("take one value of '{0}' (ncks -d {0},0)", other);
    return problem(fmt::format(", where '{}' is none of time, level, lat, lon", other));
  }
  if (!on_grid) return problem("");
  for (const int d : {layout.latitude, layout.longitude}) {
    const std::string& name = variable.dims[d].name;
    if (dims.at(name).coordinate == nullptr)
      return problem(fmt::format(", where '{}' has no coordinate values", name));
  }
  if (layout.time >= 0 && dims.at(variable.dims[layout.time].name).coordinate == nullptr) {
    return problem(fmt::format(", where '{}' has no coordinate values", variable.dims[layout.time].name));
  }
  return layout;
}

const char* role_name(VariableRole role) {
  constexpr std::array<const char*, 5> kNames = {"field", "static", "coordinate", "bounds", "ignored"};
  return kNames[static_cast<size_t>(role)];
}

std::map<std::string, VariableRole> variable_roles(const NetcdfFile& file,
                                                   const std::map<std::string, DimInfo>& dims) {
  std::map<std::string, VariableRole> named;
  const auto name_all = [&](const NetcdfVariable& variable, const char* attribute, VariableRole role) {
    for (const std::string& word : words(variable.text(attribute)))
      named[word] = role;
  };
  for (const NetcdfVariable& variable : file.variables()) {
    name_all(variable, "coordinates", VariableRole::coordinate);
    name_all(variable, "bounds", VariableRole::bounds);
    name_all(variable, "climatology", VariableRole::bounds);
    name_all(variable, "grid_mapping", VariableRole::ignored);
  }
  for (const auto& [name, dim] : dims) {
    if (dim.coordinate != nullptr) named[dim.coordinate->name] = VariableRole::coordinate;
  }
  std::map<std::string, VariableRole> roles;
  for (const NetcdfVariable& variable : file.variables()) {
    VariableRole role = VariableRole::ignored;
    if (const auto found = named.find(variable.name); found != named.end()) {
      role = found->second;
    } else if (variable.numeric()) {
      const GridLayout layout = find_layout(variable, dims);
      if (layout.gridded()) role = layout.time >= 0 ? VariableRole::field : VariableRole::fixed;
    }
    roles[variable.name] = role;
  }
  return roles;
}

}  // namespace seqvit::data
