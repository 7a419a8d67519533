/// Many NetCDF files seen as one array: variables x time x latitude x longitude.
///
/// Files may follow one another in time or hold different variables of the same times; a level of a 3-D
/// variable is a variable of its own ("t@850"). The first file's grid and units are the data set's, or those
/// of the run it serves (Frame); a file with latitude reversed, longitude rolled, or in another unit of the
/// same quantity is read into them, any other grid or quantity is an error. Fields are read on
/// demand, a slab of rows at a time, and decoded blocks stay in memory up to a budget, so that data sets
/// larger than memory work. Safe under threads.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/partition.h"
#include "data/calendar.h"
#include "data/coordinates.h"
#include "data/frame.h"
#include "data/level_axis.h"
#include "data/source_file.h"
#include "data/transform.h"
#include "grid/grid.h"

namespace seqvit::data {

struct DatasetOptions {
  std::vector<std::string> files;  ///< paths or glob patterns, in any order
  std::vector<std::string>
      variables;                     ///< names ("t", "t@850", "t@*"); empty: every gridded variable with time
  std::vector<std::string> statics;  ///< names of time-independent (lat, lon) fields
  int64_t cache_bytes = int64_t{2} << 30;
  FileReading reading = {};  ///< what the user says of files that leave it open
  bool monthly = false;      ///< one step is a number of months: dates of all calendars mean the same
  Frame frame = {};          ///< where not empty, what counts instead of the first file's grid and units
  std::vector<std::string> forcings = {},
                           diagnostics = {};         ///< names; they follow the variables, in this order
  std::map<std::string, Transform> transforms = {};  ///< by name, see setting_of()
  /// By name of a variable or static field what it is in the files: "t", "t@850", "file.nc:t"; others are
  /// called there as here.
  std::map<std::string, std::string> sources = {};
};

/// A field as one level of a variable.
struct VariableLevel {
  std::string variable;  ///< the same text for all levels of a variable
  double value = 0.0;    ///< in the units of the level
};

/// What a variable with time is to a model: its state, which it is given and predicts; what it is given at
/// every step and does not predict; what it predicts and is never given.
enum class Role { state, forcing, diagnostic };

/// What is known of a variable beside its values; a forecast file repeats its attributes.
struct VariableInfo {
  std::string name;                             ///< as configured: "t@850"
  std::map<std::string, Attribute> attributes;  ///< without packing and fill attributes
  std::string units;                            ///< "" where the file has none
  std::optional<VariableLevel> level = {};      ///< where it is one of several (see levels.h)
  std::string stored_name = {};                 ///< in the first file
  Packing packing = {};                         ///< there
  bool missing_settled = false;                 ///< data.missing says which of its values stand for none
  Role role = Role::state;
  Transform transform = {};  ///< before it is normalised; what read() gives is as in the file
  std::string source = {};   ///< where that is not its name: DatasetOptions::sources
  /// Where the name is NAME@LEVEL: the levels that it is one of.
  std::shared_ptr<const LevelAxis> axis = {};
};

/// Whether `name` is that of the variable, or of all its levels ("t" of "t@850").
bool answers_to(const VariableInfo& variable, const std::string& name);

/// What `by_name` says of a variable, of itself before of all its levels; nullptr: nothing.
template <typename T>
const T* setting_of(const std::map<std::string, T>& by_name, const VariableInfo& variable) {
  auto found = by_name.find(variable.name);
  if (found == by_name.end() && variable.level) found = by_name.find(variable.level->variable);
  return found == by_name.end() ? nullptr : &found->second;
}

class Dataset {
 public:
  /// Opens every file and checks it against the others. Throws Error(data): a missing or broken file, an
  /// unknown variable (naming the nearest), grids or units that differ, times that overlap between files or
  /// do not increase.
  explicit Dataset(const DatasetOptions& options);
  ~Dataset();

  const grid::Grid& grid() const;
  Calendar calendar() const;
  const FileReading& reading() const;  ///< what the user said
  /// Whether times are dates, not numbers (FileReading::index_time).
  bool dated() const;
  const std::vector<TimeStamp>& times() const;  ///< strictly increasing
  /// Those of the state, then forcings, then diagnostics.
  const std::vector<VariableInfo>& variables() const;
  /// Indices of the variables of a role.
  std::vector<int64_t> of_role(Role role) const;
  const std::vector<VariableInfo>& statics() const;
  const std::vector<std::string>& paths() const;  ///< resolved, in the order used
  /// Attributes of the source's coordinate variables ("latitude", "longitude", "time": units, calendar, ...)
  /// and of the file.
  const std::map<std::string, Attribute>& coordinate_attributes(const std::string& coordinate) const;
  const std::map<std::string, Attribute>& file_attributes() const;

  /// Index of a variable by name; Error(usage) with the nearest name.
  int64_t variable_index(const std::string& name) const;
  /// Index of a time stamp, or -1. Where months are the step (DatasetOptions::monthly) the only time of its
  /// month, whatever day the file puts it on.
  int64_t time_index(TimeStamp time) const;

  /// One field, rows [rows.begin, rows.end) of the grid, in physical units, NaN where missing; `out` holds
  /// rows.size() * columns values. Throws Error(data) if the file cannot be read.
  void read(int64_t variable, int64_t time, Range rows, std::span<float> out) const;
  /// The same at a time that the files need not hold: false, and nothing is read, where they do not and it is
  /// not computed.
  bool read_at(int64_t variable, TimeStamp time, Range rows, std::span<float> out) const;
  bool holds_at(int64_t variable, TimeStamp time) const;
  /// Of a variable: times(), or of a forcing whose files begin before or end after the others' these and
  /// more.
  const std::vector<TimeStamp>& times_of(int64_t variable) const;
  void read_static(int64_t index, Range rows, std::span<float> out) const;

  /// Bytes decoded from files so far (what reading cost, cache hits not counted).
  int64_t bytes_read() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace seqvit::data
