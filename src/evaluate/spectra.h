/// Zonal power spectra of forecasts and truth: does a forecast lose small scales as it goes on (does it
/// blur)?
///
/// As WeatherBench 2's zonal energy spectrum (Rasp et al. 2024, arXiv 2308.15560): along each row
///
///   F_k = 1/X sum over x of f_x exp(-2 pi i k x / X),   S_0 = C |F_0|^2,   S_k = 2 C |F_k|^2 for k > 0
///
/// in (units of the variable)^2 m, where C = 2 pi cos(latitude) 6,371 km is the length of the row's circle,
/// which so weights the rows; then the mean over the rows of latitude 30 to 60 degrees, north and south, and
/// over initial times. A grid without such rows has all of its rows taken. On a grid that does not close on
/// itself the rows are mirrored (see RowPower), C is the length of the row, and wavenumbers are no whole
/// numbers. A row counts at the times at which truth and forecast are there at each of its points.
///
/// Cost: see RowPower, for two rows a field and row. Memory: 16 bytes for each lead, variable, wave and row
/// of mine.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "evaluate/error_sums.h"
#include "evaluate/forecaster.h"
#include "evaluate/row_power.h"
#include "grid/grid.h"

namespace seqvit::evaluate {

/// The mean spectrum of one variable and lead time.
struct Spectrum {
  std::string variable;
  double lead_hours = 0;
  std::string units;               ///< of the variable
  std::vector<double> wavenumber;  ///< waves in 360 degrees of longitude, increasing from 0
  std::vector<double> truth, forecast;
  int64_t rows = 0;  ///< rows times initial times that entered
  /// How much more a forecast jumps between patches than truth does: the root mean square of its change from
  /// a column to the next where a patch ends over that inside patches, divided by the same of truth. 1: no
  /// seam shows. NaN where nothing is made in patches, or truth has no change to compare with.
  double patch_edge_ratio = std::numeric_limits<double>::quiet_NaN();

  /// How many of the waves, from 0 on, the truth resolves: all but the finest, which together hold less than
  /// 1e-5 of its variance along rows. Beyond them data of a spectral model hold little but the rounding of
  /// packing.
  int64_t resolved() const;
  /// Forecast's power over truth's in the finest quarter of the resolved waves: below 1 where the forecast is
  /// smoother than the truth. NaN where fewer than 4 waves are resolved.
  double small_scale_ratio() const;
};

/// The power of rows summed over initial times, by number of a field: any numbering of leads and variables
/// will do. Rows that are cut between ranks are put together by the rank that owns their first point, out of
/// a message that is summed over ranks. Without spectra (longitudes that are not equally spaced, fewer than
/// 4) nothing is done and `problem` says why.
class SpectrumSums {
 public:
  /// Collective. `variables` are those whose fields will be added.
  SpectrumSums(const grid::Grid& grid, Forecaster& forecaster, std::span<const int64_t> variables,
               int64_t fields);

  const std::string& problem() const { return problem_; }
  /// Numbers that a field adds to the message.
  int64_t message_size() const { return cut_rows_ * 2 * columns_; }
  /// Adds the rows of a field on my slab that this rank holds whole, and writes its points of cut ones to
  /// `message`.
  void add(int64_t number, const ForecastField& field, std::span<double> message);
  /// Adds the cut rows of a field whose first points are owned, from the message summed over ranks. `owned`
  /// is [Y, X] as in ForecastField.
  void add_cut(int64_t number, std::span<const float> owned, std::span<const double> message);
  /// Truth, forecast and rows of a spectrum, the same bits on every rank; nothing where no row was whole.
  /// Collective.
  Spectrum mean(int64_t number, Forecaster& forecaster) const;

 private:
  void find_cut_rows(Forecaster& forecaster, std::span<const int64_t> variables);
  void add_row(int64_t number, int64_t i, std::span<const float> truth, std::span<const float> forecast);
  /// Sums over a row's columns of (f_x+1 - f_x)^2: inside patches, across their edges.
  std::array<double, 2> squared_changes(std::span<const float> row) const;
  /// Powers of truth and forecast, their squared changes, and 1.
  int64_t numbers_a_row() const { return 2 * power_->waves() + 5; }

  std::string problem_;
  int64_t columns_, patch_columns_;
  Range mine_;                             // rows of the grid in my slab
  std::vector<int64_t> rows_;              // of the grid that are averaged
  Range my_rows_;                          // positions in rows_ of those in my slab
  std::vector<int64_t> place_in_message_;  // by position in rows_; -1: not cut between ranks
  int64_t cut_rows_ = 0;
  std::vector<double> lengths_;  // m, by row of the grid
  std::vector<double> wavenumber_;
  std::optional<RowPower> power_;
  std::vector<std::vector<double>> sums_;  // by number: [my row, (truth's waves, forecast's waves, times)]
};

}  // namespace seqvit::evaluate
