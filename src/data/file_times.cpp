#include "data/file_times.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/words.h"
#include "data/file_grid.h"

namespace seqvit::data {
namespace {

TimeAxis numbered_times(const FileDim& dim) {
  TimeAxis axis;
  axis.numbered = true;
  const TimeStamp first = to_time_stamp({2000}, axis.calendar);
  for (int64_t i = 0; i < dim.size; ++i)
    axis.times.push_back(first + i * 3600);
  return axis;
}

/// Seconds from a forecast's start to what its fields show, where the file says both: a variable `step` (or
/// one of standard_name forecast_period) of one value, or along a dimension of which one is selected.
TimeStamp lead_of(const SourceFile& file, const FileVariable& time, const FileAxes& axes) {
  const bool start = time.text("standard_name") == "forecast_reference_time" ||
                     lower(time.text("long_name")).find("initial time") != std::string::npos;
  if (!start) return 0;
  for (const FileVariable& variable : file.variables()) {
    if (!variable.numeric() ||
        (variable.name != "step" && variable.text("standard_name") != "forecast_period"))
      continue;
    const std::vector<double> values = file.read_all(variable);
    size_t at = 0;
    if (values.size() != 1) {
      const auto selected = axes.selected.find(variable.dims.size() == 1 ? variable.dims[0].name : "");
      if (selected == axes.selected.end()) continue;
      at = static_cast<size_t>(selected->second);
    }
    const double unit = unit_seconds(lower(trimmed(variable.text("units"))));
    if (unit > 0.0 && at < values.size()) return std::llround(values[at] * unit);
  }
  return 0;
}

}  // namespace

void round_times(std::vector<TimeStamp>& times, double error) {
  for (const TimeStamp step : {86400, 43200, 21600, 10800, 3600, 1800, 900, 600}) {
    if (error >= 0.5 * static_cast<double>(step)) return;
    const auto nearest = [&](TimeStamp time) {
      const TimeStamp rest = ((time % step) + step) % step;
      return rest < step / 2 ? time - rest : time - rest + step;
    };
    const bool all = std::all_of(times.begin(), times.end(), [&](TimeStamp time) {
      return static_cast<double>(std::abs(nearest(time) - time)) <= error;
    });
    if (!all) continue;
    for (TimeStamp& time : times)
      time = nearest(time);
    return;
  }
}

TimeAxis read_times(const SourceFile& file, const FileDim& dim, const FileAxes& axes) {
  const FileVariable* coordinate = axes.dims.at(dim.name).coordinate;
  const bool dated =
      coordinate != nullptr && lower(coordinate->text("units")).find(" since ") != std::string::npos;
  if (axes.reading.index_time || (axes.reading.index_grid && !dated)) return numbered_times(dim);
  check(coordinate != nullptr, "times without a coordinate");
  TimeAxis axis;
  try {
    const std::string calendar = coordinate->text("calendar");
    if (!calendar.empty()) axis.calendar = parse_calendar(calendar);
    const TimeUnits units = TimeUnits::parse(coordinate->text("units"), axis.calendar);
    double largest = 0.0;
    const std::vector<double> values = read_axis(file, *coordinate);
    for (size_t i = 0; i < values.size(); ++i) {
      axis.times.push_back(units.decode(values[i]));
      largest = std::max(largest, std::abs(values[i]));
      const bool later = i > 0 && values[i] > values[i - 1];
      if (!later || axis.times[i] > axis.times[i - 1] ||
          (values[i] - values[i - 1]) * units.seconds_per_unit >= 1.0)
        continue;
      fail(
          Exit::data,
          "{}: {}: expected times a second or more apart, found {} and {} {}; number them (data.time: index)",
          file.path(), coordinate->name, values[i - 1], values[i], coordinate->text("units"));
    }
    // A float holds 24 bits; doubles, what their writer computed them from.
    const double digits =
        coordinate->type == StoredType::float32 ? largest * std::numeric_limits<float>::epsilon() : 0.0;
    round_times(axis.times, std::max(digits * units.seconds_per_unit, 5.0));
    const TimeStamp lead = lead_of(file, *coordinate, axes);
    for (TimeStamp& time : axis.times)
      time += lead;
  } catch (const Error& error) {
    const std::string message = error.what();
    if (message.starts_with(file.path())) throw;
    fail(Exit::data, "{}: {}: {}{}", file.path(), coordinate->name, message,
         dated ? "" : ", or number the times (data.time: index)");
  }
  return axis;
}

}  // namespace seqvit::data
