#include "data/insolation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "data/phases.h"

namespace seqvit::data {

void insolation(TimeStamp time, Calendar calendar, const grid::Grid& grid, Range rows, std::span<float> out) {
  constexpr double kSolar = 1361.0, kRadian = std::numbers::pi / 180.0;
  const auto phases = calendar_phases(time, calendar);
  const double day = std::atan2(phases[0], phases[1]), year = std::atan2(phases[2], phases[3]);
  const double declination = 0.006918 - 0.399912 * std::cos(year) + 0.070257 * std::sin(year) -
                             0.006758 * std::cos(2 * year) + 0.000907 * std::sin(2 * year) -
                             0.002697 * std::cos(3 * year) + 0.00148 * std::sin(3 * year);
  const double distance = 1.00011 + 0.034221 * std::cos(year) + 0.00128 * std::sin(year) +
                          0.000719 * std::cos(2 * year) + 0.000077 * std::sin(2 * year);
  // By how much the sun is ahead of the clock, as an angle.
  const double ahead = 0.000075 + 0.001868 * std::cos(year) - 0.032077 * std::sin(year) -
                       0.014615 * std::cos(2 * year) - 0.040849 * std::sin(2 * year);
  auto value = out.begin();
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    for (int64_t column = 0; column < grid.columns(); ++column) {
      const double latitude = grid.latitude_at(row, column) * kRadian,
                   hour = day + grid.longitude_at(row, column) * kRadian + ahead - std::numbers::pi;
      const double zenith = std::sin(latitude) * std::sin(declination) +
                            std::cos(latitude) * std::cos(declination) * std::cos(hour);
      *value++ = std::isnan(zenith) ? std::numeric_limits<float>::quiet_NaN()
                                    : static_cast<float>(kSolar * distance * std::max(0.0, zenith));
    }
  }
}

}  // namespace seqvit::data
