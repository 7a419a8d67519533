#include "data/source.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "data/file_grid.h"

namespace seqvit::data {

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

std::optional<GridMap> Source::map_to(const grid::Grid& wanted) const {
  std::optional<GridMap> map = match_grids(wanted, *grid);
  const bool whole = variable.dims[layout.longitude].size == grid->columns();
  if (map && !whole && map->columns.empty()) {
    map->columns.resize(static_cast<size_t>(grid->columns()));
    std::iota(map->columns.begin(), map->columns.end(), int64_t{0});
  }
  return map;
}

FileView::FileView(std::shared_ptr<const SourceFile> file, const FileReading& reading)
    : file_(std::move(file)), axes_(find_axes(*file_, reading)), roles_(variable_roles(*file_, axes_)) {}

Source FileView::source(const FileVariable& variable) {
  Source source;
  source.variable = variable;
  source.layout = find_layout(variable, axes_);
  if (!source.layout.gridded()) {
    fail(Exit::data, "{}: {}: {}; only grids are supported: {}", file_->path(), variable.name,
         source.layout.problem, source.layout.fix);
  }
  check_size(*file_, variable);
  source.role = source.layout.time >= 0 ? VariableRole::field : VariableRole::fixed;
  const GridLayout& layout = source.layout;
  const std::string &rows = variable.dims[layout.latitude].name,
                    &columns = variable.dims[layout.longitude].name;
  const auto name_of = [](const FileVariable* coordinate) {
    return coordinate == nullptr ? "" : coordinate->name;
  };
  const bool points = layout.kind == grid::GridKind::curvilinear;
  source.latitude = points ? layout.point_latitude : name_of(axes_.dims.at(rows).coordinate);
  source.longitude = points ? layout.point_longitude : name_of(axes_.dims.at(columns).coordinate);
  auto& grid = grids_[fmt::format("{}/{}/{}/{}", rows, columns, source.latitude, source.longitude)];
  if (!grid) grid = std::make_shared<grid::Grid>(read_grid(*file_, variable, layout, axes_));
  source.grid = grid;
  if (layout.time >= 0) {
    const FileDim& dim = variable.dims[layout.time];
    auto& axis = times_[dim.name];
    if (!axis) axis = std::make_shared<TimeAxis>(read_times(*file_, dim, axes_));
    source.time = axis;
    source.time_name = name_of(axes_.dims.at(dim.name).coordinate);
  }
  if (source.layout.level >= 0) {
    const FileDim& dim = variable.dims[source.layout.level];
    constexpr int64_t kMostLevels = 10'000;  // each is a variable of its own
    if (dim.size > kMostLevels) {
      fail(Exit::data,
           "{}: {}: expected at most {} levels, found {}; take out those that are wanted (ncks -d {},0,9)",
           file_->path(), variable.name, kMostLevels, dim.size, dim.name);
    }
    const FileVariable* coordinate = axes_.dims.at(dim.name).coordinate;
    source.axis = std::make_shared<LevelAxis>(LevelAxis{dim.name, {}, {}});
    if (coordinate != nullptr) {
      source.axis->attributes = coordinate->attributes;
      source.axis->values = read_axis(*file_, *coordinate);
    }
    // Levels without values are counted from 1, as model levels are.
    for (int64_t k = 1; coordinate == nullptr && k <= dim.size; ++k)
      source.axis->values.push_back(static_cast<double>(k));
  }
  return source;
}

namespace {

/// Reads one hyperslab into `out` as [time, row, column]; see read_fields.
void read_slab(const SourceFile& file, const FileVariable& variable, const GridLayout& layout,
               const GridMap& map, const std::vector<int64_t>& start, const std::vector<int64_t>& count,
               float* out) {
  const int64_t steps = layout.time < 0 ? 1 : count[layout.time], rows = count[layout.latitude];
  const auto columns = map.columns.empty() ? count[layout.longitude] : std::ssize(map.columns);
  const auto values = static_cast<size_t>(steps * rows * count[layout.longitude]);
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

}  // namespace

void read_fields(const SourceFile& file, const FileVariable& variable, const GridLayout& layout,
                 const GridMap& map, const Hyperslab& slab, float* out) {
  std::vector<int64_t> start(variable.dims.size(), 0), count(variable.dims.size(), 1);
  for (const auto& [dim, index] : layout.selected)
    start[dim] = index;
  if (layout.time >= 0) {
    start[layout.time] = slab.times.begin;
    count[layout.time] = slab.times.size();
  }
  if (layout.level >= 0) start[layout.level] = slab.level;
  const int64_t all_rows = variable.dims[layout.latitude].size;
  start[layout.latitude] = map.flip ? all_rows - slab.rows.end : slab.rows.begin;
  count[layout.latitude] = slab.rows.size();
  count[layout.longitude] = variable.dims[layout.longitude].size;
  read_slab(file, variable, layout, map, start, count, out);
  if (layout.merged < 0) return;
  const int64_t columns = map.columns.empty() ? count[layout.longitude] : std::ssize(map.columns);
  std::vector<float> more(static_cast<size_t>(slab.times.size() * slab.rows.size() * columns));
  while (++start[layout.merged] < variable.dims[layout.merged].size) {
    read_slab(file, variable, layout, map, start, count, more.data());
    for (size_t i = 0; i < more.size(); ++i) {
      if (std::isnan(out[i])) out[i] = more[i];
    }
  }
}

}  // namespace seqvit::data
