/// Which dimension of a NetCDF variable is time, level, latitude or longitude.
///
/// CF attributes decide first (standard_name, units, axis, positive), then usual names. Source: CF 1.11,
/// chapter 4.
#pragma once

#include <map>
#include <string>

#include "data/netcdf.h"

namespace seqvit::data {

enum class DimRole { time, level, latitude, longitude, other };

struct DimInfo {
  DimRole role = DimRole::other;
  const NetcdfVariable* coordinate = nullptr;  ///< holds its values; nullptr where the file has none
};

/// Every dimension of the file by name. The pointers live as long as the file.
std::map<std::string, DimInfo> recognise_dims(const NetcdfFile& file);

/// Position of each dimension of a variable in file order; -1 where it has none. Other dimensions have
/// size 1.
struct GridLayout {
  int time = -1, level = -1, latitude = -1, longitude = -1;
  std::string problem;  ///< why the variable is not on a grid; "" when it is
  std::string fix = "regrid it (cdo remapbil), or leave it out";
  bool gridded() const { return problem.empty(); }
};

GridLayout find_layout(const NetcdfVariable& variable, const std::map<std::string, DimInfo>& dims);

enum class VariableRole { field, fixed, coordinate, bounds, ignored };
/// "field", "static", "coordinate", "bounds", "ignored".
const char* role_name(VariableRole role);

/// The role of every variable of the file by name: a `field` is gridded and has time, a `fixed` one is
/// gridded without. Coordinates (also those named by a `coordinates` attribute), bounds, grid mappings and
/// text are neither.
std::map<std::string, VariableRole> variable_roles(const NetcdfFile& file,
                                                   const std::map<std::string, DimInfo>& dims);

}  // namespace seqvit::data
