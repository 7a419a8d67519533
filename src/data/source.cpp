#include "data/source.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace seqvit::data {

void check_size(const NetcdfFile& file, const NetcdfVariable& variable) {
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

namespace {

/// Coordinates stored as float or double, or counted on from a corner, differ in the last digits.
double tolerance(const std::vector<double>& values) {
  if (values.size() < 2) return 1e-4;
  const double spacing = std::abs(values.back() - values.front()) / static_cast<double>(values.size() - 1);
  return std::max(1e-5, 1e-2 * spacing);
}

double angle_between(double a, double b) {
  return std::abs(std::remainder(a - b, 360.0));
}

std::vector<double> read_axis(const NetcdfFile& file, const NetcdfVariable& coordinate) {
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

bool strictly_monotonic(const std::vector<double>& values) {
  return std::adjacent_find(values.begin(), values.end(), std::greater_equal<>()) == values.end() ||
         std::adjacent_find(values.begin(), values.end(), std::less_equal<>()) == values.end();
}

void check_latitudes(const std::string& path, const std::string& name, const std::vector<double>& values) {
  const auto [lowest, highest] = std::minmax_element(values.begin(), values.end());
  if (values.empty() || *lowest < -90.001 || *highest > 90.001) {
    fail(Exit::data,
         "{}: {}: expected latitudes from -90 to 90 degrees, found {}; only latitude-longitude grids are "
         "supported",
         path, name, values.empty() ? "none" : fmt::format("{} to {}", *lowest, *highest));
  }
  if (!strictly_monotonic(values)) {
    fail(Exit::data, "{}: {}: expected latitudes in order, found them unsorted; sort the rows of the file",
         path, name);
  }
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
  if (values.empty() || !strictly_monotonic(values) || std::abs(values.back() - values.front()) > 360.001) {
    fail(Exit::data,
         "{}: {}: expected longitudes in order within one turn, found {}; sort the columns of the file", path,
         name, values.empty() ? "none" : fmt::format("{} to {}", values.front(), values.back()));
  }
}

bool rows_match(const std::vector<double>& wanted, const std::vector<double>& source, bool flip) {
  const double allowed = tolerance(wanted);
  for (size_t y = 0; y < wanted.size(); ++y) {
    if (std::abs(wanted[y] - source[flip ? source.size() - 1 - y : y]) > allowed) return false;
  }
  return true;
}

}  // namespace

std::optional<GridMap> match_grids(const grid::Grid& wanted, const grid::Grid& source) {
  if (wanted.rows() != source.rows() || wanted.columns() != source.columns()) return std::nullopt;
  GridMap map;
  if (!rows_match(wanted.latitude, source.latitude, false)) {
    if (!rows_match(wanted.latitude, source.latitude, true)) return std::nullopt;
    map.flip = true;
  }
  const int64_t columns = wanted.columns();
  const double allowed = tolerance(wanted.longitude);
  for (const int64_t direction : {1, -1}) {
    for (int64_t first = 0; first < columns; ++first) {
      if (angle_between(wanted.longitude[0], source.longitude[first]) > allowed) continue;
      std::vector<int64_t> order(columns);
      bool same = true;
      for (int64_t x = 0; same && x < columns; ++x) {
        order[x] = ((first + direction * x) % columns + columns) % columns;
        same = angle_between(wanted.longitude[x], source.longitude[order[x]]) <= allowed;
      }
      if (!same) continue;
      if (first != 0 || direction != 1) map.columns = std::move(order);
      return map;
    }
  }
  return std::nullopt;
}

int64_t Source::block_steps() const {
  if (layout.time < 0) return 1;
  if (!variable.chunk.empty())
    return std::clamp<int64_t>(variable.chunk[layout.time], 1, std::max<int64_t>(1, steps()));
  if (layout.time < std::min(layout.latitude, layout.longitude)) return 1;
  // Time runs inside the grid: one step would touch every page of the file, so take many at once.
  constexpr int64_t kBlockBytes = int64_t{32} << 20;
  const auto field_bytes = static_cast<int64_t>(sizeof(float)) * grid->points();
  return std::clamp<int64_t>(kBlockBytes / field_bytes, 1, std::max<int64_t>(1, steps()));
}

FileView::FileView(NetcdfFile file)
    : file_(std::move(file)), dims_(recognise_dims(file_)), roles_(variable_roles(file_, dims_)) {}

std::shared_ptr<const grid::Grid> FileView::grid(const NetcdfVariable& variable, const GridLayout& layout) {
  const std::string& row_dim = variable.dims[layout.latitude].name;
  const std::string& column_dim = variable.dims[layout.longitude].name;
  auto& grid = grids_[row_dim + '/' + column_dim];
  if (grid) return grid;
  const NetcdfVariable &latitude = *dims_.at(row_dim).coordinate,
                       &longitude = *dims_.at(column_dim).coordinate;
  grid::Grid read{read_axis(file_, latitude), read_axis(file_, longitude)};
  constexpr int64_t kMostPoints = int64_t{1} << 30;  // 0.9 km at the equator
  if (read.points() > kMostPoints) {
    fail(Exit::data,
         "{}: {}: expected a grid of at most {} points, found {} x {}; coarsen it or cut a region out",
         file_.path(), variable.name, kMostPoints, read.rows(), read.columns());
  }
  check_latitudes(file_.path(), latitude.name, read.latitude);
  unwrap_longitudes(file_.path(), longitude.name, read.longitude);
  grid = std::make_shared<grid::Grid>(std::move(read));
  return grid;
}

std::shared_ptr<const TimeAxis> FileView::time(const std::string& dim) {
  auto& axis = times_[dim];
  if (axis) return axis;
  const NetcdfVariable& coordinate = *dims_.at(dim).coordinate;
  TimeAxis read;
  try {
    const std::string calendar = coordinate.text("calendar");
    if (!calendar.empty()) read.calendar = parse_calendar(calendar);
    const TimeUnits units = TimeUnits::parse(coordinate.text("units"), read.calendar);
    for (const double value : read_axis(file_, coordinate))
      read.times.push_back(units.decode(value));
  } catch (const Error& error) {
    const std::string message = error.what();
    if (message.starts_with(file_.path())) throw;
    fail(Exit::data, "{}: {}: {}", file_.path(), coordinate.name, message);
  }
  axis = std::make_shared<TimeAxis>(std::move(read));
  return axis;
}

Source FileView::source(const NetcdfVariable& variable) {
  Source source;
  source.variable = variable;
  source.layout = find_layout(variable, dims_);
  if (!source.layout.gridded()) {
    fail(Exit::data, "{}: {}: {}; only grids are supported: {}", file_.path(), variable.name,
         source.layout.problem, source.layout.fix);
  }
  check_size(file_, variable);
  source.role = source.layout.time >= 0 ? VariableRole::field : VariableRole::fixed;
  source.grid = grid(variable, source.layout);
  source.latitude = dims_.at(variable.dims[source.layout.latitude].name).coordinate->name;
  source.longitude = dims_.at(variable.dims[source.layout.longitude].name).coordinate->name;
  if (source.layout.time >= 0) {
    const std::string& dim = variable.dims[source.layout.time].name;
    source.time = time(dim);
    source.time_name = dims_.at(dim).coordinate->name;
  }
  if (source.layout.level >= 0) {
    const NetcdfDim& dim = variable.dims[source.layout.level];
    constexpr int64_t kMostLevels = 10'000;  // each is a variable of its own
    if (dim.size > kMostLevels) {
      fail(Exit::data,
           "{}: {}: expected at most {} levels, found {}; take out those that are wanted (ncks -d {},0,9)",
           file_.path(), variable.name, kMostLevels, dim.size, dim.name);
    }
    const NetcdfVariable* coordinate = dims_.at(dim.name).coordinate;
    if (coordinate != nullptr) source.levels = read_axis(file_, *coordinate);
    // Levels without values are counted from 1, as model levels are.
    for (int64_t k = 1; coordinate == nullptr && k <= dim.size; ++k)
      source.levels.push_back(static_cast<double>(k));
  }
  return source;
}

void read_fields(const NetcdfFile& file, const NetcdfVariable& variable, const GridLayout& layout,
                 const GridMap& map, const Hyperslab& slab, float* out) {
  const int64_t steps = slab.times.size(), rows = slab.rows.size();
  const int64_t columns = variable.dims[layout.longitude].size,
                all_rows = variable.dims[layout.latitude].size;
  std::vector<int64_t> start(variable.dims.size(), 0), count(variable.dims.size(), 1);
  if (layout.time >= 0) {
    start[layout.time] = slab.times.begin;
    count[layout.time] = steps;
  }
  if (layout.level >= 0) start[layout.level] = slab.level;
  start[layout.latitude] = map.flip ? all_rows - slab.rows.end : slab.rows.begin;
  count[layout.latitude] = rows;
  count[layout.longitude] = columns;
  const auto values = static_cast<size_t>(steps * rows * columns);
  const bool in_order = layout.time < layout.latitude && layout.latitude < layout.longitude;
  if (in_order && !map.flip && map.columns.empty())
    return file.read(variable, start, count, std::span(out, values));

  std::vector<float> stored(values);
  file.read(variable, start, count, std::span(stored));
  std::vector<int64_t> stride(variable.dims.size(), 1);
  for (size_t d = stride.size() - 1; d > 0; --d)
    stride[d - 1] = stride[d] * count[d];
  const int64_t step_t = layout.time < 0 ? 0 : stride[layout.time], step_y = stride[layout.latitude];
  const int64_t step_x = stride[layout.longitude];
  for (int64_t t = 0; t < steps; ++t) {
    for (int64_t y = 0; y < rows; ++y) {
      const float* row = stored.data() + t * step_t + (map.flip ? rows - 1 - y : y) * step_y;
      float* target = out + (t * rows + y) * columns;
      for (int64_t x = 0; x < columns; ++x)
        target[x] = row[(map.columns.empty() ? x : map.columns[x]) * step_x];
    }
  }
}

}  // namespace seqvit::data
