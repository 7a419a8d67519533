/// Fields of a climatology by day of the year and time of day: those that were asked for, on my rows.
///
/// Memory: 4 bytes a variable, point, day and time of day; beyond a limit it lies in a temporary file that
/// the system pages in and out.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "data/calendar.h"

namespace seqvit::evaluate {

/// How the days of a year are counted.
enum class Cycle {
  dates,         ///< as in a leap year: 1 March is the same day in all years
  days_of_year,  ///< as they come, as xarray's dayofyear: 1 March is day 60, or 61 in leap years
  months
};

/// A day and a time of day.
struct ClimatologyBin {
  int64_t day = 0;     ///< of the year, from 0, or month
  int64_t second = 0;  ///< of the day; 0 for months
  auto operator<=>(const ClimatologyBin&) const = default;
};

ClimatologyBin bin_of(data::TimeStamp time, data::Calendar calendar, Cycle cycle);
/// Days of the longest year, or 12.
int64_t days_of(data::Calendar calendar, Cycle cycle);

class ClimatologyFields {
 public:
  /// Of `variables` on `points`, for fields valid at `needed`; values are not set yet. Throws Error(data) if
  /// the temporary file finds no room.
  ClimatologyFields(data::Calendar calendar, Cycle cycle, int64_t variables, int64_t points,
                    std::span<const data::TimeStamp> needed, int64_t memory_bytes);

  /// [Y, X] of the variable at `position` at `time`, one of those that were asked for.
  std::span<const float> field(int64_t position, data::TimeStamp time) const;

  /// Those asked for, numbered in order.
  const std::map<ClimatologyBin, int64_t>& bins() const { return bins_; }
  std::span<float> values(int64_t position, int64_t bin);
  std::span<const float> values(int64_t position, int64_t bin) const;

 protected:
  ClimatologyBin bin_at(data::TimeStamp time) const { return bin_of(time, calendar_, cycle_); }
  int64_t points() const { return points_; }

 private:
  data::Calendar calendar_;
  Cycle cycle_;
  int64_t points_;
  std::map<ClimatologyBin, int64_t> bins_;
  std::shared_ptr<float[]> storage_;  // [variable, bin, Y, X]
};

}  // namespace seqvit::evaluate
