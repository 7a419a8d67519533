#include "data/unstated_fill.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

namespace seqvit::data {
namespace {

/// As a float that was written as a short decimal number: 9.999e20 rather than 9.99899995e20. Not by stod,
/// which throws at numbers too small to be normalised.
double short_number(double value) {
  return std::strtod(fmt::format("{:.7g}", value).c_str(), nullptr);
}

/// Digits of a number as people choose them for what is none: 9999, 999.9, 99900, 9.999e20, 1e30, 0.
bool is_chosen(double value) {
  if (value == 0.0) return true;
  std::string digits = fmt::format("{:.6e}", std::abs(short_number(value)));
  digits.resize(digits.find('e'));
  std::erase(digits, '.');
  while (digits.size() > 1 && digits.back() == '0')
    digits.pop_back();
  const bool nines = digits.find_first_not_of('9') == std::string::npos;
  const bool power = digits == "1" && std::abs(value) >= 1e4;
  return (nines && std::abs(value) >= 99.0) || power || std::abs(value) > 1e19;
}

/// Whether the stored value is at an end of its type.
bool at_end_of_type(double value, const Packing& packing) {
  if (packing.type > StoredType::uint64) return false;
  const double bits = 8.0 * static_cast<double>(type_bytes(packing.type)), range = std::exp2(bits);
  const bool is_signed = static_cast<int>(packing.type) % 2 == 0;
  const double lowest = is_signed ? -range / 2 : 0.0, highest = lowest + range - 1;
  const double stored = std::round((value - packing.offset) / packing.scale);
  return (is_signed && stored <= lowest + 1) || stored >= highest - 1;
}

}  // namespace

std::string SuspectFill::text() const {
  return fmt::format("{} of the values ({:.2g} %) are {:.7g}, far from all others ({:g} to {:g})", count,
                     100.0 * share, value, lowest, highest);
}

std::string SuspectFill::fix(const std::string& variable, double value) {
  return fmt::format(
      "if that stands for no value, set data.missing: {{{0}: [{1:.7g}]}}; if it is real, data.missing: "
      "{{{0}: []}}",
      variable, value);
}

std::optional<SuspectFill> FillDetector::found(const Packing* packing) const {
  if (total_ == 0) return std::nullopt;
  for (const bool below : {true, false}) {
    const End &end = below ? low_ : high_, &other = below ? high_ : low_;
    const double sign = below ? 1.0 : -1.0;
    if (end.count < 2 || !std::isfinite(end.next) || !std::isfinite(other.value)) continue;
    // In the mirrored sense: end.value < end.next <= -inner. A fill on the other side is no part of the
    // spread.
    const double far = -other.value, spread_to_far = far - end.next;
    const double gap = end.next - end.value;
    double inner = far;
    if (other.count >= 2 && std::isfinite(other.next) && -other.next > end.next &&
        far - -other.next > 10.0 * (-other.next - end.next))
      inner = -other.next;
    const double spread = std::min(spread_to_far, inner - end.next);
    if (!(spread > 0.0)) continue;  // two values: a mask
    const bool chosen =
        is_chosen(end.value) || (packing != nullptr && at_end_of_type(sign * end.value, *packing));
    if (!(gap > (chosen ? 1.0 : 10.0) * spread)) continue;
    const double next = sign * end.next, last = sign * inner;
    return SuspectFill{short_number(sign * end.value), end.count,
                       static_cast<double>(end.count) / static_cast<double>(total_), std::min(next, last),
                       std::max(next, last)};
  }
  return std::nullopt;
}

}  // namespace seqvit::data
