/// Which dimension of a file is time, level, latitude or longitude, and which variables say where its points
/// are.
///
/// CF attributes decide first (standard_name, units, axis, positive), then usual names. Source: CF 1.11,
/// chapters 4 and 5.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "data/source_file.h"

namespace seqvit::data {

/// What a user says of files that leave it open: data.grid, data.time, data.select and data.missing.
struct FileReading {
  bool index_grid = false;               ///< rows and columns are numbers without a place on Earth
  bool index_time = false;               ///< times are numbers: hours from 2000-01-01
  std::map<std::string, double> select;  ///< of a further dimension the value that is read, or the index
  /// By variable: stored values that stand for "no value".
  std::map<std::string, std::vector<double>> missing;
};

enum class DimRole {
  time,
  level,
  latitude,
  longitude,
  row,     ///< of a map that is not made of latitudes and longitudes: metres, rotated degrees, numbers
  column,  ///< the same
  other
};

struct DimInfo {
  DimRole role = DimRole::other;
  const FileVariable* coordinate = nullptr;  ///< holds its values; nullptr where the file has none
  bool stated = false;                       ///< the role is in the attributes, not guessed from a name
};

/// latitude(y, x) and longitude(y, x).
struct PointCoordinates {
  const FileVariable *latitude = nullptr, *longitude = nullptr;
  std::string row_dim, column_dim;
};

/// The coordinates of a file. The pointers live as long as the file.
struct FileAxes {
  FileReading reading;
  std::map<std::string, DimInfo> dims;      ///< every dimension by name
  std::vector<PointCoordinates> points;     ///< in the order of the file
  std::map<std::string, int64_t> selected;  ///< index along dimensions that FileReading::select names
  /// Grid mappings of the file that turn or project: coordinates along rows and columns are no latitudes
  /// there.
  std::vector<std::string> projections;
};

/// Throws Error(usage) for a value of `reading.select` that its dimension does not have, Error(data) where
/// coordinates cannot be read.
FileAxes find_axes(const SourceFile& file, const FileReading& reading = {});

/// Whether a coordinate is an angle in radians (as of ICON and MPAS).
bool in_radians(const FileVariable& coordinate);

/// The words of an attribute such as "lat lon" or "area: cell_area", without those that end in a colon.
std::vector<std::string> words_of(const std::string& text);

}  // namespace seqvit::data
