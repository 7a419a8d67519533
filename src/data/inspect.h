/// `seqvit inspect`: what files hold, whether it can be trained on, what is wrong with it, and the fix.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "data/calendar.h"
#include "data/dataset.h"
#include "grid/grid.h"

namespace seqvit::data {

struct Problem {
  std::string severity;  ///< "error" (cannot be trained on) or "warning"
  std::string file, variable, message, fix;
};

struct VariableReport {
  std::string name, file, units, stored_type;
  std::string role;  ///< "field" or "static"; coordinates, bounds and what is not on a grid are not listed
  std::vector<std::string> dims;
  std::vector<int64_t> shape;
  std::vector<double> levels;  ///< of a variable at several levels, which are named "t@850"
  std::optional<double> fill;  ///< a value that may stand for none (unstated_fill.h)
  int64_t infinite = 0;        ///< values that are infinite as floats; they count as missing
  double missing_fraction = 0, min = 0, max = 0, mean = 0,
         std = 0;  ///< of the valid unpacked values; NaN if there are none
};

/// The coordinates of a file's first field; empty where they cannot be read (then there is a problem that
/// says why).
struct FileReport {
  std::string path;
  Calendar calendar = Calendar::standard;
  std::vector<TimeStamp> times;
  std::string step;  ///< "6h", "1mon", or "irregular"
  grid::Grid grid;
  bool numbered = false;         ///< times are numbers, not dates
  bool repeated_column = false;  ///< the last one, one turn on from the first; it is left out
};

struct InspectReport {
  std::vector<FileReport> files;
  std::vector<VariableReport> variables;
  std::vector<Problem> problems;
  /// One line of the first error and how many more there are; "" where there is none.
  std::string error_line() const;
  nlohmann::json to_json() const;
  std::string to_text() const;
};

/// Reads every value of every gridded variable once, in pieces. `files` are paths or patterns. A file that
/// cannot be opened throws Error(data); values that cannot be read are an error of the report. Ctrl-C throws
/// Error(success) "stopped". Files without an error are files that `train` takes with all their variables, if
/// its settings (periods, lead time, names) fit them. Chunks that make random access slow are a problem only
/// where the decoded fields exceed `cache_bytes`.
/// `reading`: what the user says of files that leave it open.
InspectReport inspect_files(const std::vector<std::string>& files,
                            int64_t cache_bytes = DatasetOptions{}.cache_bytes,
                            const FileReading& reading = {});

}  // namespace seqvit::data
