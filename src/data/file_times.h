/// Reading the times of a file.
#pragma once

#include <string>
#include <vector>

#include "data/calendar.h"
#include "data/coordinates.h"
#include "data/source_file.h"

namespace seqvit::data {

struct TimeAxis {
  Calendar calendar = Calendar::standard;
  std::vector<TimeStamp> times;  ///< as stored, in any order
  bool numbered = false;         ///< no dates: hours from 2000-01-01 stand for the number of the time
};

/// Times along `dim`: when its fields are valid. A forecast's start and a lead time (GRIB's `time` and
/// `step`) are added up. Times stored as float are brought to the step they show (round_times). Throws
/// Error(data).
TimeAxis read_times(const SourceFile& file, const FileDim& dim, const FileAxes& axes);

/// Times that were rounded when they were stored, each by at most `error` seconds, brought to multiples of
/// the longest of a day, ..., 10 minutes of which all are; unchanged where there is none.
void round_times(std::vector<TimeStamp>& times, double error);

}  // namespace seqvit::data
