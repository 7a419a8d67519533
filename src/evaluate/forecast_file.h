/// Forecasts as CF NetCDF-4 files, or Zarr stores where the name ends in .zarr, written a field at a time.
///
/// Fields are float32, NaN where missing, one compressed chunk a field; dims and names: forecast_layout.h.
/// Initial times (forecast_reference_time) and valid times are in units and calendar of the source, so that
/// dates decode as the source's do. Lead times (forecast_period) are in hours, which xarray reads as
/// timedelta64; for monthly steps they are nominal (730.5 hours a month) and valid times are exact.
/// Attributes of variables and coordinates are the source's; title, licence and credits of the source are
/// kept as source_*.
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

#include "evaluate/forecast_layout.h"

namespace seqvit::evaluate {

class ForecastWriter {
 public:
  /// Creates the file under a temporary name. Throws Error(data) with path and reason, Error(usage) for
  /// several initial times where the layout has room for one.
  ForecastWriter(const std::filesystem::path& path, const data::Dataset& dataset,
                 const ForecastLayout& layout);
  ~ForecastWriter();  ///< without commit: removes what was written

  /// Writes rows of one field, [rows, X] in physical units, NaN where missing. `variable` is a position in
  /// layout.variables, `lead` and `member` count from 0. Throws Error(data) with path and reason (a full disk
  /// among them).
  void write(int64_t initial, int64_t lead, int64_t variable, Range rows, std::span<const float> values,
             int64_t member = 0);

  /// Completes the file and gives it its name. Throws Error(data).
  void commit();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// One field [Y, X] of a finished file, of ensembles the mean of members; variable, initial and lead time by
/// position. Throws Error(data).
std::vector<float> read_forecast(const std::filesystem::path& path, const data::Dataset& dataset,
                                 const ForecastLayout& layout, int64_t variable, int64_t initial,
                                 int64_t lead);

}  // namespace seqvit::evaluate
