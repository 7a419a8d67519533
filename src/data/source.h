/// One variable of one file seen in the data set's orientation: time x latitude x longitude, a slab of rows
/// at a time.
///
/// Whatever order the file has its dimensions in, wherever its longitudes begin and whichever way its
/// latitudes run, a read asks the file for the wanted rows only and turns them round in memory.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/partition.h"
#include "data/file_times.h"
#include "data/grid_layout.h"
#include "data/grid_map.h"
#include "data/level_axis.h"
#include "data/open_file.h"
#include "grid/grid.h"

namespace seqvit::data {

/// A gridded variable of a file, with the coordinates it stands on.
struct Source {
  size_t file = 0;  ///< index of the file, set by the caller
  FileVariable variable;
  VariableRole role = VariableRole::field;
  GridLayout layout;
  std::shared_ptr<LevelAxis> axis;             ///< nullptr without a level dimension
  std::shared_ptr<const grid::Grid> grid;      ///< as stored, but for a last column that repeats the first
  std::shared_ptr<const TimeAxis> time;        ///< nullptr without a time dimension
  std::string latitude, longitude, time_name;  ///< names of the coordinate variables; "" where there is none

  /// The map to read it on `wanted`, or nothing where its grid is another.
  std::optional<GridMap> map_to(const grid::Grid& wanted) const;
  int64_t steps() const { return layout.time < 0 ? 1 : variable.dims[layout.time].size; }
  /// Steps that are cheapest read together: the stored chunk's, or more where time is not the outermost
  /// dimension.
  int64_t block_steps() const;
};

/// An open file and its gridded variables.
class FileView {
 public:
  explicit FileView(const std::string& path, const FileReading& reading = {})
      : FileView(open_file(path), reading) {}
  explicit FileView(std::shared_ptr<const SourceFile> file, const FileReading& reading = {});

  const SourceFile& file() const { return *file_; }
  const FileAxes& axes() const { return axes_; }
  const std::map<std::string, VariableRole>& roles() const { return roles_; }
  /// Reads the coordinates that a gridded variable stands on. Throws Error(data): no calendar date, no
  /// latitude, ..., or sizes that no file of this length can mean (file_grid.h).
  Source source(const FileVariable& variable);

 private:
  std::shared_ptr<const SourceFile> file_;
  FileAxes axes_;
  std::map<std::string, VariableRole> roles_;
  std::map<std::string, std::shared_ptr<const grid::Grid>> grids_;  // by what they are read from
  std::map<std::string, std::shared_ptr<const TimeAxis>> times_;    // by the name of the dim
};

/// Where a read finds its values.
struct Hyperslab {
  Range times;        ///< steps of the file; {0, 1} without a time dimension
  Range rows;         ///< of the data set's grid
  int64_t level = 0;  ///< index along the level dimension
};

/// Reads fields into `out` as [time, row, column] of the data set's grid, NaN where missing.
void read_fields(const SourceFile& file, const FileVariable& variable, const GridLayout& layout,
                 const GridMap& map, const Hyperslab& slab, float* out);

}  // namespace seqvit::data
