/// Where each field of a data set stands: files put in the order of their times and checked against one
/// another.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/source.h"
#include "data/units.h"

namespace seqvit::data {

/// A stretch of a variable's times that stands in one file.
struct Segment {
  size_t file = 0;
  Range times;           ///< indices of the data set, or of the variable's own times
  std::string variable;  ///< name in the file
  GridLayout layout;
  std::shared_ptr<const GridMap> map;
  int64_t level = 0;
  int64_t block_steps = 1;
  int64_t value_bytes = 4;      ///< of a stored value
  std::vector<double> missing;  ///< values, in the file's units, that the user calls missing
  UnitConversion conversion;    ///< into the units of the data set
};

struct CatalogVariable {
  VariableInfo info;
  std::vector<Segment> segments;      ///< in the order of time; none: computed (insolation.h)
  std::vector<TimeStamp> times = {};  ///< of a forcing that has those of the data set and more; else none
};

struct Catalog {
  std::vector<std::string> paths;
  std::vector<FileStamp> stamps;  ///< of the paths
  grid::Grid grid;
  Calendar calendar = Calendar::standard;
  bool dated = true;
  std::vector<TimeStamp> times;
  std::vector<CatalogVariable> variables, statics;
  std::map<std::string, std::map<std::string, Attribute>> coordinate_attributes;
  std::map<std::string, Attribute> file_attributes;
};

/// Throws Error(data) as Dataset's constructor does.
Catalog build_catalog(const DatasetOptions& options);

/// `time` of one calendar in another: the standard and the proleptic Gregorian one agree after 1582, others
/// never do, unless only the month counts (`monthly`; a day that the other does not have becomes its month's
/// last). False where it cannot be said.
bool convert_time(TimeStamp& time, Calendar from, Calendar to, bool monthly = false);

}  // namespace seqvit::data
