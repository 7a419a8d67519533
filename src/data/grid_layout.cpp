#include "data/grid_layout.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace seqvit::data {
namespace {

bool contains(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

/// Finds the layout of one variable.
class LayoutFinder {
 public:
  LayoutFinder(const FileVariable& variable, const FileAxes& axes) : variable_(variable), axes_(axes) {}

  GridLayout find() {
    if (!place_dims()) return layout_;
    if (axes_.reading.index_grid) return by_index();
    if (const PointCoordinates* points = points_of_variable(); points != nullptr && !on_stated_axes()) {
      layout_.kind = grid::GridKind::curvilinear;
      layout_.latitude = position(points->row_dim);
      layout_.longitude = position(points->column_dim);
      layout_.point_latitude = points->latitude->name;
      layout_.point_longitude = points->longitude->name;
    }
    check_rest();
    return layout_;
  }

 private:
  const std::string& name(int d) const { return variable_.dims[d].name; }
  const DimInfo& info(int d) const { return axes_.dims.at(name(d)); }
  int position(const std::string& dim) const {
    for (int d = 0; d < static_cast<int>(variable_.dims.size()); ++d) {
      if (name(d) == dim) return d;
    }
    return -1;
  }

  /// `fix`: the setting that mends it, if there is one.
  void problem(const std::string& why, const std::string& fix = "") {
    std::vector<std::string> names;
    for (const FileDim& dim : variable_.dims)
      names.push_back(dim.name);
    layout_.problem =
        fmt::format("expected dims (time, lat, lon), found ({}){}", fmt::join(names, ", "), why);
    layout_.by_setting = !fix.empty();
    if (layout_.by_setting) layout_.fix = fix;
  }

  /// Dims by their roles; false where two mean the same.
  bool place_dims() {
    for (int d = 0; d < static_cast<int>(variable_.dims.size()); ++d) {
      if (const auto selected = axes_.selected.find(name(d)); selected != axes_.selected.end()) {
        layout_.selected[d] = selected->second;
        continue;
      }
      int* place = place_of(d);
      if (place == nullptr) continue;
      if (*place >= 0) {
        problem(fmt::format(", where '{}' and '{}' mean the same", name(*place), name(d)));
        return false;
      }
      *place = d;
    }
    return true;
  }

  int* place_of(int d) {
    switch (info(d).role) {
      case DimRole::time:
        return &layout_.time;
      case DimRole::level:  // a picture's height is a side of it
        return axes_.reading.index_grid && info(d).coordinate == nullptr ? nullptr : &layout_.level;
      case DimRole::latitude:
        return &layout_.latitude;
      case DimRole::longitude:
        return &layout_.longitude;
      case DimRole::row:
        return &row_;
      case DimRole::column:
        return &column_;
      case DimRole::other:
        break;
    }
    return name(d) == "expver" ? &layout_.merged : nullptr;
  }

  /// The file's coordinates of points that have this variable's dims; those that it names come first.
  const PointCoordinates* points_of_variable() const {
    const std::vector<std::string> named = words_of(variable_.text("coordinates"));
    const PointCoordinates* found = nullptr;
    for (const PointCoordinates& points : axes_.points) {
      if (position(points.row_dim) < 0 || position(points.column_dim) < 0) continue;
      if (contains(named, points.latitude->name)) return &points;
      if (found == nullptr) found = &points;
    }
    return found;
  }

  bool on_stated_axes() const {
    return layout_.latitude >= 0 && layout_.longitude >= 0 && info(layout_.latitude).stated &&
           info(layout_.longitude).stated;
  }

  /// Rows and columns are the last two dims that are neither time nor level; one more is the level or, where
  /// there is no time, the time.
  GridLayout by_index() {
    layout_.kind = grid::GridKind::index;
    std::vector<int> rest;
    for (int d = 0; d < static_cast<int>(variable_.dims.size()); ++d) {
      if (d == layout_.latitude || d == layout_.longitude || !placed(d)) rest.push_back(d);
    }
    // A vertical axis that is a side of the picture.
    if (rest.size() < 2 && layout_.level >= 0) {
      rest.push_back(std::exchange(layout_.level, -1));
      std::sort(rest.begin(), rest.end());
    }
    while (rest.size() > 2 && variable_.dims[rest.front()].size == 1 && layout_.time >= 0)
      rest.erase(rest.begin());
    if (rest.size() > 2 && layout_.time < 0) {
      layout_.time = rest.front();
      rest.erase(rest.begin());
    }
    if (rest.size() > 2 && layout_.level < 0) {
      layout_.level = rest.front();
      rest.erase(rest.begin());
    }
    if (rest.size() != 2) {
      problem(fmt::format(", where rows and columns cannot be told from {} dimensions", rest.size()),
              "choose one value of the others (data.select: {NAME: 0}), or leave it out");
      return layout_;
    }
    layout_.latitude = rest[0];
    layout_.longitude = rest[1];
    return layout_;
  }

  bool placed(int d) const {
    return d == layout_.time || d == layout_.level || d == layout_.latitude || d == layout_.longitude ||
           d == layout_.merged || layout_.selected.contains(d);
  }

  /// Whether every dim has its place and its values.
  void check_rest() {
    if (layout_.latitude < 0 || layout_.longitude < 0) {
      if (row_ >= 0 && column_ >= 0) return no_places();
      return problem("");
    }
    for (int d = 0; d < static_cast<int>(variable_.dims.size()); ++d) {
      if (placed(d) || variable_.dims[d].size == 1) continue;
      return problem(fmt::format(", where '{}' is none of time, level, lat, lon", name(d)),
                     fmt::format("choose one of its {} values (data.select: {{{}: 0}})",
                                 variable_.dims[d].size, name(d)));
    }
    if (layout_.kind == grid::GridKind::rectilinear) {
      check_values(layout_.latitude);
      check_values(layout_.longitude);
      const std::vector<std::string> mapping = words_of(variable_.text("grid_mapping"));
      if (!mapping.empty() && contains(axes_.projections, mapping.front()) && !on_stated_axes())
        return no_places();
    }
    if (layout_.time >= 0 && !axes_.reading.index_time) check_values(layout_.time);
  }

  void check_values(int d) {
    if (!layout_.gridded() || info(d).coordinate != nullptr) return;
    problem(fmt::format(", where '{}' has no coordinate values", name(d)),
            d == layout_.time
                ? "number the times (data.time: index), or give the dimension a coordinate"
                : "take rows and columns by number (data.grid: index), or give the dimension a coordinate");
  }

  void no_places() {
    problem(fmt::format(", where '{}' and '{}' are no latitudes and longitudes and the file has no lat(y, x) "
                        "and lon(y, x)",
                        name(row_ >= 0 ? row_ : layout_.latitude),
                        name(column_ >= 0 ? column_ : layout_.longitude)),
            "add the coordinates of the points (cdo setgrid), or take rows and columns by number (data.grid: "
            "index)");
  }

  const FileVariable& variable_;
  const FileAxes& axes_;
  GridLayout layout_;
  int row_ = -1, column_ = -1;
};

}  // namespace

GridLayout find_layout(const FileVariable& variable, const FileAxes& axes) {
  return LayoutFinder(variable, axes).find();
}

const char* role_name(VariableRole role) {
  constexpr std::array<const char*, 5> kNames = {"field", "static", "coordinate", "bounds", "ignored"};
  return kNames[static_cast<size_t>(role)];
}

std::map<std::string, VariableRole> variable_roles(const SourceFile& file, const FileAxes& axes) {
  std::map<std::string, VariableRole> named;
  const auto name_all = [&](const FileVariable& variable, const char* attribute, VariableRole role) {
    for (const std::string& word : words_of(variable.text(attribute)))
      named[word] = role;
  };
  for (const FileVariable& variable : file.variables()) {
    name_all(variable, "coordinates", VariableRole::coordinate);
    name_all(variable, "bounds", VariableRole::bounds);
    name_all(variable, "climatology", VariableRole::bounds);
    name_all(variable, "grid_mapping", VariableRole::ignored);
  }
  for (const auto& [name, dim] : axes.dims) {
    if (dim.coordinate != nullptr) named[dim.coordinate->name] = VariableRole::coordinate;
  }
  for (const PointCoordinates& points : axes.points)
    named[points.latitude->name] = named[points.longitude->name] = VariableRole::coordinate;
  std::map<std::string, VariableRole> roles;
  for (const FileVariable& variable : file.variables()) {
    VariableRole role = VariableRole::ignored;
    if (const auto found = named.find(variable.name); found != named.end()) {
      role = found->second;
    } else if (variable.numeric()) {
      const GridLayout layout = find_layout(variable, axes);
      if (layout.gridded()) role = layout.time >= 0 ? VariableRole::field : VariableRole::fixed;
    }
    roles[variable.name] = role;
  }
  return roles;
}

}  // namespace seqvit::data
