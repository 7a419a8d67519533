/// A run of the synthetic atmosphere as a CF NetCDF-4 file, written a time at a time.
///
/// Layout (CF-1.10): fields [time, lat, lon] and two without time, float32, one compressed chunk a field;
/// time in hours since the start of year 1 of a calendar without leap days. Nothing in the file depends on
/// when or where it was written, so equal runs are equal files. The file gets its name when it is complete.
/// Every failure throws Error(data) with path and reason.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "data/netcdf_writer.h"
#include "generate/atmosphere.h"

namespace seqvit::generate {

class AtmosphereFile {
 public:
  /// `times` in hours; `source` says how the fields were made.
  AtmosphereFile(const std::filesystem::path& path, const Atmosphere& atmosphere,
                 const std::vector<double>& times, const std::string& source);

  /// atmosphere.fields() as the fields of the time at position `index`.
  void write(int64_t index, const Atmosphere& atmosphere);
  void commit() { file_.commit(); }

 private:
  int define_axis(const std::string& name, int64_t size, const std::string& standard_name,
                  const std::string& units, const std::string& axis);
  int define_field(const FieldInfo& channel, bool with_time);

  data::NetcdfWriter file_;
  int64_t rows_, columns_;
  std::vector<int> dims_;      // time, lat, lon
  std::vector<int> channels_;  // of atmosphere_channels(), in order
};

}  // namespace seqvit::generate
