/// Forecasts as CF NetCDF-4 files, or Zarr stores where the name ends in .zarr, written a field at a time.
///
/// Layout (CF-1.10): fields [init_time, lead_time, lat, lon] as float32, NaN where missing, one compressed
/// chunk a field. `init_time` is the forecast_reference_time and the 2-D auxiliary coordinate `time` the
/// valid time, both in units and calendar of the source, so that dates decode as the source's do. `lead_time`
/// is the forecast_period in hours; for monthly steps it is nominal (730.5 hours a month) and `time` is
/// exact. Attributes of variables and coordinates are the source's; title, licence and credits of the source
/// are kept as source_*.
///
/// The file gets its name when it is complete; on any failure nothing is left. Cost: memory of one field.
/// Calls take the lock of netCDF-C (netcdf_mutex), so files may be read by other threads in the meantime.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace seqvit::evaluate {

struct ForecastLayout {
  std::vector<int64_t> initial_times;  ///< time indices of the data set
  data::LeadTime step;                 ///< lead times are 1 .. steps times this
  int64_t steps = 1;
  std::vector<int64_t> variables;  ///< indices into Dataset::variables()
  std::string command;             ///< command line, for `history`
};

class ForecastWriter {
 public:
  /// Creates the file under a temporary name. Throws Error(data) with path and reason.
  ForecastWriter(const std::filesystem::path& path, const data::Dataset& dataset,
                 const ForecastLayout& layout);
  ~ForecastWriter();  ///< without commit: removes what was written

  /// Writes rows of one field, [rows, X] in physical units, NaN where missing. `variable` is a position in
  /// layout.variables, `lead` counts from 0. Throws Error(data) with path and reason (a full disk among
  /// them).
  void write(int64_t initial, int64_t lead, int64_t variable, Range rows, std::span<const float> values);

  /// Completes the file and gives it its name. Throws Error(data).
  void commit();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Name of a variable in a forecast file: "t_850" for "t@850", since CF names are letters, digits and
/// underscores.
std::string forecast_variable_name(const std::string& name);

/// One field [Y, X] of a finished file; initial and lead time by position. Throws Error(data).
std::vector<float> read_forecast(const std::filesystem::path& path, const std::string& variable,
                                 int64_t initial, int64_t lead);

}  // namespace seqvit::evaluate
