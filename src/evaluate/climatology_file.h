/// A climatology in a file: the one that a run keeps, or another in the layout of WeatherBench 2.
///
/// Fields over (hour, dayofyear, [level,] latitude, longitude), or over (month, ...) for monthly data, dims
/// in any order, NetCDF or Zarr; `hour` may be missing. Days are counted as xarray counts dayofyear, but in
/// files of ours as in a leap year, so that dates keep their place. Source of the layout: WeatherBench 2
/// (Rasp et al. 2024, arXiv 2308.15560).
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/source.h"
#include "data/units.h"
#include "evaluate/climatology.h"
#include "evaluate/forecaster.h"

namespace seqvit::evaluate {

class ClimatologyFile {
 public:
  /// Finds `variables` (indices of those of `dataset`, of which `monthly` says that months are their step) by
  /// name, a level "t@850" in the level dim of t too. Throws Error(data): not a climatology, a variable that
  /// is not in it, another grid, units of another quantity.
  ClimatologyFile(const std::filesystem::path& path, const data::Dataset& dataset, bool monthly,
                  const std::vector<int64_t>& variables);

  const std::string& path() const { return file_->path(); }
  /// What made a file of ours; "" of another.
  const std::string& key() const { return key_; }
  /// For people: "by day of the year and hour 0, 6, 12, 18".
  std::string describe() const;

  /// Rows of the fields that are needed at these times; missing at times of day that the file does not have.
  /// Memory besides the result: a variable's stored chunk.
  ClimatologyFields read(Range rows, std::span<const data::TimeStamp> needed, int64_t memory_bytes) const;

 private:
  struct Field {
    data::FileVariable variable;
    data::GridLayout layout;
    data::GridMap map;
    int64_t level = 0;
    data::UnitConversion conversion;
  };

  Field find(const data::VariableInfo& info) const;
  void read_field(const Field& field, int64_t position, Range rows, ClimatologyFields& out) const;
  std::optional<int64_t> day_index(int64_t day) const;
  std::optional<int64_t> hour_index(int64_t second) const;

  const data::Dataset& dataset_;
  std::shared_ptr<const data::SourceFile> file_;
  Cycle cycle_ = Cycle::days_of_year;
  std::string key_, day_dim_, hour_dim_;  // "" without hours
  std::vector<double> days_, hours_;
  std::vector<Field> fields_;
};

/// Bytes that write_climatology makes, before compression.
int64_t climatology_bytes(const data::Dataset& dataset, const ClimatologyOptions& options);

/// Computes the climatology of all days and times of day of the training period and writes it with `key`, as
/// one step. `options.rows` are the forecaster's. Cost: each training field is read once for every day of the
/// year that fits into `working_bytes`; memory of one variable's climatology on my rows. Collective. Throws
/// Error(data) if it cannot be written, Error(success) when a signal asked to stop.
void write_climatology(const std::filesystem::path& path, const std::string& key, const std::string& command,
                       const data::Dataset& dataset, const ClimatologyOptions& options,
                       Forecaster& forecaster);

}  // namespace seqvit::evaluate
