#include "core/region.h"

#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

#include "core/error.h"

namespace seqvit {
namespace {

// Exactly four numbers with commas between them.
std::optional<std::array<double, 4>> four_numbers(std::string_view text) {
  std::array<double, 4> numbers{};
  for (size_t i = 0; i < numbers.size(); ++i) {
    while (text.starts_with(' '))
      text.remove_prefix(1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), numbers[i]);
    if (error != std::errc() || !std::isfinite(numbers[i])) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    if (i + 1 == numbers.size()) break;
    if (!text.starts_with(',')) return std::nullopt;
    text.remove_prefix(1);
  }
  return text.empty() ? std::optional(numbers) : std::nullopt;
}

}  // namespace

bool Region::contains(double latitude, double longitude) const {
  // Ten metres: a coordinate stored as float, or turned by 360 degrees, is still that of the edge.
  constexpr double kEdge = 1e-4;
  if (!(latitude >= south - kEdge && latitude <= north + kEdge)) return false;
  if (east - west >= 360.0) return true;
  const double from_west = std::fmod(std::fmod(longitude - west, 360.0) + 360.0, 360.0);
  return from_west <= east - west + kEdge || from_west >= 360.0 - kEdge;
}

Region Region::parse(const std::string& text, const std::string& setting) {
  const size_t equals = text.find('=');
  const auto bounds =
      four_numbers(equals == std::string::npos ? "" : std::string_view(text).substr(equals + 1));
  if (!bounds || equals == 0) {
    fail(Exit::usage,
         "{}: expected \"name=south,north,west,east\" in degrees (in quotes inside a list), found '{}'",
         setting, text);
  }
  Region region{text.substr(0, equals), (*bounds)[0], (*bounds)[1], (*bounds)[2], (*bounds)[3]};
  if (region.name == "global") fail(Exit::usage, "{}: 'global' is always scored; use another name", setting);
  if (!(-90 <= region.south && region.south < region.north && region.north <= 90)) {
    fail(Exit::usage, "{}: {}: expected -90 <= south < north <= 90, found south {} and north {}", setting,
         region.name, region.south, region.north);
  }
  if (std::abs(region.west) > 360 || std::abs(region.east) > 360 || region.west == region.east) {
    fail(Exit::usage, "{}: {}: expected two longitudes from -360 to 360, found west {} and east {}", setting,
         region.name, region.west, region.east);
  }
  while (region.east < region.west)
    region.east += 360.0;
  if (region.east - region.west > 360.0) {
    fail(Exit::usage, "{}: {}: expected at most 360 degrees from west to east, found west {} and east {}",
         setting, region.name, (*bounds)[2], (*bounds)[3]);
  }
  return region;
}

}  // namespace seqvit
