/// How a variable of a file stands on time, levels and a grid.
///
/// Its dimensions by their roles (coordinates.h); its grid by the attribute `coordinates`, else by any
/// coordinates that have its dimensions; then what the user says (FileReading). Source: CF 1.11, chapter 5.
#pragma once

#include <map>
#include <string>

#include "data/coordinates.h"
#include "grid/grid.h"

namespace seqvit::data {

/// Position of each dimension of a variable in file order; -1 where it has none. Of the remaining dimensions
/// those in `selected` are read at one index, others have size 1.
struct GridLayout {
  int time = -1, level = -1;
  int latitude = -1, longitude = -1;  ///< rows and columns, whatever the kind of grid
  int merged = -1;                    ///< ERA5's expver: of its values the first that is not missing counts
  grid::GridKind kind = grid::GridKind::rectilinear;
  std::string point_latitude, point_longitude;  ///< names of the coordinates of a curvilinear grid
  std::map<int, int64_t> selected;              ///< index along further dimensions
  std::string problem;                          ///< why the variable is not on a grid; "" when it is
  std::string fix = "regrid it (cdo remapbil), or leave it out";
  bool by_setting = false;  ///< `fix` is a setting of data that would put it on a grid
  bool gridded() const { return problem.empty(); }
};

GridLayout find_layout(const FileVariable& variable, const FileAxes& axes);

enum class VariableRole { field, fixed, coordinate, bounds, ignored };
/// "field", "static", "coordinate", "bounds", "ignored".
const char* role_name(VariableRole role);

/// The role of every variable of the file by name: a `field` is gridded and has time, a `fixed` one is
/// gridded without. Coordinates (also those named by a `coordinates` attribute), bounds, grid mappings and
/// text are neither.
std::map<std::string, VariableRole> variable_roles(const SourceFile& file, const FileAxes& axes);

}  // namespace seqvit::data
