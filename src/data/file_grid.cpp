#include "data/file_grid.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <numeric>

#include "core/error.h"
#include "core/log.h"

namespace seqvit::data {

void check_size(const SourceFile& file, const FileVariable& variable) {
  constexpr double kMostBytesPerByte = 4096.0, kAlways = 256.0 * 1024 * 1024;
  double chunk = 1.0;
  for (const int64_t size : variable.chunk)
    chunk *= static_cast<double>(size);
  const double bytes =
      std::max(static_cast<double>(variable.size()), chunk) * static_cast<double>(type_bytes(variable.type));
  if (bytes <= kMostBytesPerByte * static_cast<double>(file.bytes()) + kAlways) return;
  fail(Exit::data,
       "{}: {}: expected values, found {:.3g} bytes of them in a file of {} bytes: nearly all were never "
       "written; cut the file to what was (ncks -d)",
       file.path(), variable.name, bytes, file.bytes());
}

std::vector<double> read_axis(const SourceFile& file, const FileVariable& coordinate) {
  check_size(file, coordinate);
  std::vector<double> values = file.read_all(coordinate);
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) continue;
    fail(Exit::data,
         "{}: {}: expected a number at every place of the coordinate, found none at {}; correct the file",
         file.path(), coordinate.name, i);
  }
  return values;
}

namespace {

constexpr double kEdge = 1e-3;  // degrees that a coordinate may lie beyond its end by rounding

bool strictly_monotonic(const std::vector<double>& values) {
  return std::adjacent_find(values.begin(), values.end(), std::greater_equal<>()) == values.end() ||
         std::adjacent_find(values.begin(), values.end(), std::less_equal<>()) == values.end();
}

void check_latitudes(const std::string& path, const std::string& name, const std::vector<double>& values) {
  double lowest = 0.0, highest = 0.0;
  for (const double value : values) {  // some may be NaN
    if (value < lowest) lowest = value;
    if (value > highest) highest = value;
  }
  if (!values.empty() && lowest >= -90.0 - kEdge && highest <= 90.0 + kEdge) return;
  fail(Exit::data,
       "{}: {}: expected latitudes from -90 to 90 degrees, found {}; correct the coordinate, or take rows "
       "and columns by number (data.grid: index)",
       path, name, values.empty() ? "none" : fmt::format("{} to {}", lowest, highest));
}

/// Longitudes that jump over the date line or Greenwich (350, 358, 6) go on past it (350, 358, 366).
void unwrap_longitudes(const std::string& path, const std::string& name, std::vector<double>& values) {
  double turn = 0.0;
  for (size_t x = 1; x < values.size(); ++x) {
    const double step = values[x] + turn - values[x - 1];
    if (step < -180.0) turn += 360.0;
    if (step > 180.0) turn -= 360.0;
    values[x] += turn;
  }
  if (values.empty() || !strictly_monotonic(values) ||
      std::abs(values.back() - values.front()) > 360.0 + kEdge) {
    fail(Exit::data,
         "{}: {}: expected longitudes in order within one turn, found {}; sort the columns of the file", path,
         name, values.empty() ? "none" : fmt::format("{} to {}", values.front(), values.back()));
  }
}

/// Values of a coordinate, or of its bounds, in degrees.
std::vector<double> in_degrees(std::vector<double> values, const FileVariable& coordinate) {
  if (!in_radians(coordinate)) return values;
  for (double& value : values)
    value *= 180.0 / std::numbers::pi;
  return values;
}

class GridReader {
 public:
  GridReader(const SourceFile& file, const FileVariable& variable, const GridLayout& layout,
             const FileAxes& axes)
      : file_(file),
        axes_(axes),
        rows_(variable.dims[layout.latitude]),
        columns_(variable.dims[layout.longitude]),
        name_(variable.name) {
    constexpr double kMostPoints = static_cast<double>(int64_t{1} << 30);  // 0.9 km at the equator
    if (static_cast<double>(rows_.size) * static_cast<double>(columns_.size) <= kMostPoints) return;
    fail(Exit::data,
         "{}: {}: expected a grid of at most {:g} points, found {} x {}; coarsen it or cut a region out",
         file_.path(), name_, kMostPoints, rows_.size, columns_.size);
  }

  grid::Grid rectilinear() {
    const FileVariable &latitude = *axes_.dims.at(rows_.name).coordinate,
                       &longitude = *axes_.dims.at(columns_.name).coordinate;
    grid::Grid grid{in_degrees(read_axis(file_, latitude), latitude),
                    in_degrees(read_axis(file_, longitude), longitude)};
    finish(grid, latitude.name, longitude.name);
    read_row_bounds(grid, latitude);
    return grid;
  }

  grid::Grid curvilinear(const GridLayout& layout) {
    const FileVariable &latitude = *file_.find(layout.point_latitude),
                       &longitude = *file_.find(layout.point_longitude);
    grid::Grid grid{axis(rows_), axis(columns_), grid::GridKind::curvilinear, places(latitude),
                    places(longitude)};
    check_latitudes(file_.path(), latitude.name, grid.point_latitude);
    if (std::none_of(grid.point_latitude.begin(), grid.point_latitude.end(),
                     [](double v) { return std::isfinite(v); })) {
      fail(Exit::data,
           "{}: {}: expected latitudes, found every value missing; correct the coordinate, or take rows "
           "and columns by number (data.grid: index)",
           file_.path(), latitude.name);
    }
    if (is_product(grid)) {
      grid::Grid simple;
      for (int64_t y = 0; y < grid.rows(); ++y)
        simple.latitude.push_back(grid.latitude_at(y, 0));
      for (int64_t x = 0; x < grid.columns(); ++x)
        simple.longitude.push_back(grid.longitude_at(0, x));
      if (strictly_monotonic(simple.latitude)) {
        finish(simple, latitude.name, longitude.name);
        return simple;
      }
    }
    read_corners(grid, latitude, longitude);
    return grid;
  }

  grid::Grid by_index() const {
    grid::Grid grid{std::vector<double>(static_cast<size_t>(rows_.size)),
                    std::vector<double>(static_cast<size_t>(columns_.size)), grid::GridKind::index};
    std::iota(grid.latitude.begin(), grid.latitude.end(), 0.0);
    std::iota(grid.longitude.begin(), grid.longitude.end(), 0.0);
    return grid;
  }

 private:
  /// The file's own numbers along rows or columns; else 0, 1, ...
  std::vector<double> axis(const FileDim& dim) const {
    const FileVariable* coordinate = axes_.dims.at(dim.name).coordinate;
    if (coordinate != nullptr && coordinate->name == dim.name) return read_axis(file_, *coordinate);
    std::vector<double> values(static_cast<size_t>(dim.size));
    std::iota(values.begin(), values.end(), 0.0);
    return values;
  }

  /// [rows, columns]; of coordinates that are repeated at every time those of the first, which those of the
  /// last must be too.
  std::vector<double> places(const FileVariable& coordinate) const {
    check_size(file_, coordinate);
    std::vector<int64_t> start(coordinate.dims.size(), 0), count(coordinate.dims.size(), 1);
    count[count.size() - 2] = rows_.size;
    count.back() = columns_.size;
    std::vector<double> values(static_cast<size_t>(rows_.size * columns_.size));
    file_.read(coordinate, start, count, std::span(values));
    values = in_degrees(std::move(values), coordinate);
    if (coordinate.dims.size() == 2) return values;
    for (size_t d = 0; d + 2 < start.size(); ++d)
      start[d] = std::max<int64_t>(coordinate.dims[d].size - 1, 0);
    std::vector<double> last(values.size());
    file_.read(coordinate, start, count, std::span(last));
    last = in_degrees(std::move(last), coordinate);
    for (size_t i = 0; i < values.size(); ++i) {
      if (!(std::abs(last[i] - values[i]) > kEdge)) continue;
      fail(Exit::data,
           "{}: {}: expected the same places at all times, found them to move: {:g} at first, {:g} at last; "
           "regrid the file (cdo remapbil), or take rows and columns by number (data.grid: index)",
           file_.path(), coordinate.name, values[i], last[i]);
    }
    return values;
  }

  void finish(grid::Grid& grid, const std::string& latitude, const std::string& longitude) const {
    check_latitudes(file_.path(), latitude, grid.latitude);
    if (!strictly_monotonic(grid.latitude)) {
      const auto same = std::adjacent_find(grid.latitude.begin(), grid.latitude.end());
      fail(Exit::data, "{}: {}: expected latitudes in order, found {}; sort the rows of the file, each once",
           file_.path(), latitude,
           same == grid.latitude.end() ? "them unsorted" : fmt::format("{:g} twice", *same));
    }
    unwrap_longitudes(file_.path(), longitude, grid.longitude);
    const double turn = std::abs(grid.longitude.back() - grid.longitude.front());
    if (grid.columns() > 2 && std::abs(turn - 360.0) <= kEdge) grid.longitude.pop_back();
  }

  /// Whether latitudes depend on the row only, longitudes on the column only.
  static bool is_product(const grid::Grid& grid) {
    constexpr double kSame = 1e-4;
    for (int64_t y = 0; y < grid.rows(); ++y) {
      for (int64_t x = 0; x < grid.columns(); ++x) {
        const bool same = std::abs(grid.latitude_at(y, x) - grid.latitude_at(y, 0)) <= kSame &&
                          std::abs(grid.longitude_at(y, x) - grid.longitude_at(0, x)) <= kSame;
        if (!same) return false;
      }
    }
    return true;
  }

  const FileVariable* bounds_of(const FileVariable& coordinate, int64_t corners) const {
    const FileVariable* bounds = file_.find(coordinate.text("bounds"));
    if (bounds == nullptr || !bounds->numeric() || bounds->dims.size() < 2 ||
        bounds->dims.back().size != corners)
      return nullptr;
    const auto same = [](const FileDim& a, const FileDim& b) { return a.name == b.name; };
    const auto end = coordinate.dims.end();
    const auto begin =
        coordinate.dims.begin() + static_cast<std::ptrdiff_t>(coordinate.dims.size() == 3 ? 1 : 0);
    const bool fits = std::equal(begin, end, bounds->dims.begin(), bounds->dims.end() - 1, same);
    return fits ? bounds : nullptr;
  }

  void read_row_bounds(grid::Grid& grid, const FileVariable& latitude) const {
    const FileVariable* bounds = bounds_of(latitude, 2);
    if (bounds == nullptr) return;
    check_size(file_, *bounds);
    std::vector<double> edges = in_degrees(file_.read_all(*bounds), latitude);
    bool sound = edges.size() == 2 * grid.latitude.size();
    for (size_t y = 0; sound && y < grid.latitude.size(); ++y) {
      const auto [low, high] = std::minmax(edges[2 * y], edges[2 * y + 1]);
      sound = low < high && low >= -90.0 - kEdge && high <= 90.0 + kEdge && low <= grid.latitude[y] + kEdge &&
              high >= grid.latitude[y] - kEdge;
    }
    if (sound) {
      grid.row_bounds = std::move(edges);
    } else {
      log_warn("{}: {}: not the edges of the rows of {}; edges midway between rows are taken", file_.path(),
               bounds->name, latitude.name);
    }
  }

  void read_corners(grid::Grid& grid, const FileVariable& latitude, const FileVariable& longitude) const {
    const FileVariable *north = bounds_of(latitude, 4), *east = bounds_of(longitude, 4);
    if (north == nullptr || east == nullptr) return;
    check_size(file_, *north);
    check_size(file_, *east);
    grid.corner_latitude = in_degrees(file_.read_all(*north), latitude);
    grid.corner_longitude = in_degrees(file_.read_all(*east), longitude);
  }

  const SourceFile& file_;
  const FileAxes& axes_;
  const FileDim &rows_, &columns_;
  const std::string& name_;
};

}  // namespace

grid::Grid read_grid(const SourceFile& file, const FileVariable& variable, const GridLayout& layout,
                     const FileAxes& axes) {
  GridReader reader(file, variable, layout, axes);
  switch (layout.kind) {
    case grid::GridKind::rectilinear:
      return reader.rectilinear();
    case grid::GridKind::curvilinear:
      return reader.curvilinear(layout);
    case grid::GridKind::index:
      break;
  }
  return reader.by_index();
}

}  // namespace seqvit::data
