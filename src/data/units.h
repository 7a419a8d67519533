/// Units as quantities: "m s**-1" is m/s, "mb" is hPa, and degC can be had from K.
///
/// udunits-2 reads them (its database, and what weather files write that it does not know: see units.cpp).
#pragma once

#include <optional>
#include <string>

namespace seqvit::data {

/// value in the one = value in the other * scale + offset.
struct UnitConversion {
  double scale = 1.0, offset = 0.0;
  bool identity() const { return scale == 1.0 && offset == 0.0; }
};

/// How values in `from` become values in `to`: the identity where both are written alike, whether or not they
/// are understood; nothing where they are different quantities, are not proportional (decibels), or one is
/// not understood. Safe under threads.
std::optional<UnitConversion> convert_units(const std::string& from, const std::string& to);

}  // namespace seqvit::data
