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
#include "data/calendar.h"
#include "data/coordinates.h"
#include "data/netcdf.h"
#include "grid/grid.h"

namespace seqvit::data {

struct TimeAxis {
  Calendar calendar = Calendar::standard;
  std::vector<TimeStamp> times;  ///< as stored, in any order
};

/// How the rows and columns of one grid are found in another that differs in orientation only.
struct GridMap {
  bool flip = false;             ///< rows run the other way
  std::vector<int64_t> columns;  ///< source column of each column; empty when they are the same
};

/// The map from `wanted` to `source`, or nothing where the grids differ in more than orientation.
std::optional<GridMap> match_grids(const grid::Grid& wanted, const grid::Grid& source);

/// A gridded variable of a file, with the coordinates it stands on.
struct Source {
  size_t file = 0;  ///< index of the file, set by the caller
  NetcdfVariable variable;
  VariableRole role = VariableRole::field;
  GridLayout layout;
  std::vector<double> levels;                  ///< empty without a level dimension
  std::shared_ptr<const grid::Grid> grid;      ///< as stored
  std::shared_ptr<const TimeAxis> time;        ///< nullptr without a time dimension
  std::string latitude, longitude, time_name;  ///< names of the coordinate variables

  int64_t steps() const { return layout.time < 0 ? 1 : variable.dims[layout.time].size; }
  /// Steps that are cheapest read together: the stored chunk's, or more where time is not the outermost
  /// dimension.
  int64_t block_steps() const;
};

/// Throws Error(data) where a variable is so much larger than its file that nearly all of it was never
/// written: a netCDF-4 header of 10 KB may name 2^60 values, and they would all be read; or one of its
/// chunks, which is decoded whole. Allowed are 4096 bytes a byte of the file, four times what deflate can
/// reach, and 256 MiB.
void check_size(const NetcdfFile& file, const NetcdfVariable& variable);

/// An open file and its gridded variables.
class FileView {
 public:
  explicit FileView(const std::string& path) : FileView(NetcdfFile(path)) {}
  explicit FileView(NetcdfFile file);

  const NetcdfFile& file() const { return file_; }
  const std::map<std::string, DimInfo>& dims() const { return dims_; }
  const std::map<std::string, VariableRole>& roles() const { return roles_; }
  /// Reads the coordinates that a gridded variable stands on. Throws Error(data): no calendar date, no
  /// latitude, ..., or sizes that no file of this length can mean (check_size).
  Source source(const NetcdfVariable& variable);

 private:
  std::shared_ptr<const grid::Grid> grid(const NetcdfVariable& variable, const GridLayout& layout);
  std::shared_ptr<const TimeAxis> time(const std::string& dim);

  NetcdfFile file_;
  std::map<std::string, DimInfo> dims_;
  std::map<std::string, VariableRole> roles_;
  std::map<std::string, std::shared_ptr<const grid::Grid>> grids_;  // by the names of both dims
  std::map<std::string, std::shared_ptr<const TimeAxis>> times_;    // by the name of the dim
};

/// Where a read finds its values.
struct Hyperslab {
  Range times;        ///< steps of the file; {0, 1} without a time dimension
  Range rows;         ///< of the data set's grid
  int64_t level = 0;  ///< index along the level dimension
};

/// Reads fields into `out` as [time, row, column] of the data set's grid, NaN where missing.
void read_fields(const NetcdfFile& file, const NetcdfVariable& variable, const GridLayout& layout,
                 const GridMap& map, const Hyperslab& slab, float* out);

}  // namespace seqvit::data
