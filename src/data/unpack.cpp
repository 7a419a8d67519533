#include "data/unpack.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <type_traits>

namespace seqvit::data {
namespace {

struct TypeInfo {
  const char* name;
  int64_t bytes;
};

constexpr TypeInfo kTypes[] = {{"int8", 1},    {"uint8", 1},   {"int16", 2}, {"uint16", 2},
                               {"int32", 4},   {"uint32", 4},  {"int64", 8}, {"uint64", 8},
                               {"float32", 4}, {"float64", 8}, {"char", 1},  {"other", 0}};

/// Calls f with a value of the C++ type of `type`.
template <typename F>
void dispatch(StoredType type, F&& f) {
  switch (type) {
    case StoredType::int8:
      return f(int8_t{});
    case StoredType::uint8:
      return f(uint8_t{});
    case StoredType::int16:
      return f(int16_t{});
    case StoredType::uint16:
      return f(uint16_t{});
    case StoredType::int32:
      return f(int32_t{});
    case StoredType::uint32:
      return f(uint32_t{});
    case StoredType::int64:
      return f(int64_t{});
    case StoredType::uint64:
      return f(uint64_t{});
    case StoredType::float32:
      return f(float{});
    case StoredType::float64:
      return f(double{});
    case StoredType::text:
    case StoredType::other:
      return;
  }
}

bool is_integer(StoredType type) {
  return type <= StoredType::uint64;
}
bool is_signed_integer(StoredType type) {
  return is_integer(type) && static_cast<int>(type) % 2 == 0;
}

/// The other signedness of an integer type: neighbours in the enumeration.
StoredType other_sign(StoredType type) {
  return static_cast<StoredType>(static_cast<int>(type) ^ 1);
}

/// An attribute's numbers; numbers written as text ("-999") count.
std::vector<double> numbers(const Attribute& attribute) {
  if (const auto* values = std::get_if<std::vector<double>>(&attribute)) return *values;
  const auto& text = std::get<std::string>(attribute);
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return {value};
}

/// `value` as the stored type would hold it, or nothing where it cannot. `wrap`: the data is seen with
/// another sign than it is stored with (_Unsigned), and its attributes follow.
std::optional<double> as_stored(double value, StoredType type, bool wrap) {
  if (type == StoredType::float32) return static_cast<double>(static_cast<float>(value));
  if (type == StoredType::float64) return value;
  const auto bits = static_cast<double>(8 * type_bytes(type));
  const double range = std::exp2(bits);
  const double lowest = is_signed_integer(type) ? -range / 2 : 0.0;
  if (wrap && value < lowest) value += range;
  if (wrap && value >= lowest + range) value -= range;
  if (!(value >= lowest && value <= lowest + range - 1.0) || value != std::floor(value)) return std::nullopt;
  return value;
}

/// What netCDF fills values with that were never written (netcdf.h, NC_FILL_*).
std::optional<double> default_fill_value(StoredType type) {
  switch (type) {
    case StoredType::int16:
      return -32767.0;
    case StoredType::uint16:
      return 65535.0;
    case StoredType::int32:
      return -2147483647.0;
    case StoredType::uint32:
      return 4294967295.0;
    case StoredType::int64:
      return -9223372036854775806.0;
    case StoredType::uint64:
      return 18446744073709551614.0;
    case StoredType::float32:
      return static_cast<double>(9.9692099683868690e+36F);
    case StoredType::float64:
      return 9.9692099683868690e+36;
    default:
      return std::nullopt;
  }
}

class Attributes {
 public:
  Attributes(const std::map<std::string, Attribute>& values, const std::map<std::string, StoredType>& types)
      : values_(values), types_(types) {}

  std::vector<double> get(const std::string& name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::vector<double>{} : numbers(found->second);
  }
  std::string text(const std::string& name) const { return text_of(values_, name); }
  bool has(const std::string& name) const { return values_.contains(name); }
  bool has_type(const std::string& name, StoredType type) const {
    const auto found = types_.find(name);
    return found != types_.end() && found->second == type;
  }

 private:
  const std::map<std::string, Attribute>& values_;
  const std::map<std::string, StoredType>& types_;
};

void set_limits(Packing& packing, StoredType stored, const Attributes& attributes) {
  const bool wrap = packing.type != stored;
  const auto limit = [&](const std::string& name, size_t index, size_t size) -> std::optional<double> {
    const std::vector<double> values = attributes.get(name);
    if (values.size() != size) return std::nullopt;
    if (packing.packed && !attributes.has_type(name, stored)) return std::nullopt;
    // Integers may be compared with any number; floats only as the data holds them (0.1f > 0.1).
    if (is_integer(packing.type) && !wrap) return values[index];
    return as_stored(values[index], packing.type, wrap);
  };
  std::optional<double> low = limit("valid_range", 0, 2), high = limit("valid_range", 1, 2);
  if (!low) low = limit("valid_min", 0, 1);
  if (!high) high = limit("valid_max", 0, 1);
  if (low && high && !(*low <= *high))
    return;  // nothing would be valid: the attribute is wrong, not the data
  if (low && !std::isnan(*low)) packing.lowest = *low;
  if (high && !std::isnan(*high)) packing.highest = *high;
}

template <typename T, typename Out>
void unpack_as(const Packing& packing, const T* raw, size_t count, Out* out) {
  constexpr Out kMissing = std::numeric_limits<Out>::quiet_NaN();
  const double scale = packing.scale, offset = packing.offset, lowest = packing.lowest,
               highest = packing.highest;
  const bool packed = packing.packed;
  const size_t marks = packing.missing.size();
  const double* mark = packing.missing.data();
  for (size_t i = 0; i < count; ++i) {
    const auto stored = static_cast<double>(raw[i]);
    bool missing = stored < lowest || stored > highest;
    for (size_t m = 0; m < marks; ++m)
      missing |= stored == mark[m];
    const double value = packed ? stored * scale + offset : stored;
    if constexpr (std::is_same_v<Out, float>) missing |= std::abs(value) > std::numeric_limits<float>::max();
    out[i] = missing ? kMissing : static_cast<Out>(value);
  }
}

template <typename Out>
void unpack_any(const Packing& packing, const std::byte* raw, size_t count, Out* out) {
  dispatch(packing.type, [&](auto zero) {
    using T = decltype(zero);
    unpack_as(packing, reinterpret_cast<const T*>(raw), count, out);
  });
}

}  // namespace

std::string text_of(const std::map<std::string, Attribute>& attributes, const std::string& name) {
  const auto found = attributes.find(name);
  const auto* text = found == attributes.end() ? nullptr : std::get_if<std::string>(&found->second);
  return text == nullptr ? "" : *text;
}

const char* type_name(StoredType type) {
  return kTypes[static_cast<int>(type)].name;
}
int64_t type_bytes(StoredType type) {
  return kTypes[static_cast<int>(type)].bytes;
}

Packing make_packing(StoredType stored, const std::map<std::string, Attribute>& attributes,
                     const std::map<std::string, StoredType>& types, bool default_fill) {
  Packing packing;
  packing.type = stored;
  if (stored >= StoredType::text) return packing;
  const Attributes read(attributes, types);
  const std::string sign = read.text("_Unsigned");
  if (is_integer(stored) && (is_signed_integer(stored) ? sign == "true" : sign == "false")) {
    packing.type = other_sign(stored);
  }
  const std::vector<double> scale = read.get("scale_factor"), offset = read.get("add_offset");
  if (!scale.empty()) packing.scale = scale[0];
  if (!offset.empty()) packing.offset = offset[0];
  packing.packed = packing.scale != 1.0 || packing.offset != 0.0;

  std::vector<double> marks = read.get("missing_value");
  if (read.has("_FillValue")) {
    const std::vector<double> fill = read.get("_FillValue");
    marks.insert(marks.end(), fill.begin(), fill.end());
  } else if (const std::optional<double> fill = default_fill_value(stored); fill && default_fill) {
    marks.push_back(*fill);
  }
  for (const double mark : marks) {
    const std::optional<double> value = as_stored(mark, packing.type, packing.type != stored);
    // NaN needs no mark: it stays NaN. One mark given twice is common (ERA5) and would cost time on each
    // value.
    if (!value || std::isnan(*value)) continue;
    if (std::find(packing.missing.begin(), packing.missing.end(), *value) == packing.missing.end()) {
      packing.missing.push_back(*value);
    }
  }
  set_limits(packing, stored, read);
  return packing;
}

void unpack(const Packing& packing, const std::byte* raw, size_t count, float* out) {
  unpack_any(packing, raw, count, out);
}

void unpack(const Packing& packing, const std::byte* raw, size_t count, double* out) {
  unpack_any(packing, raw, count, out);
}

}  // namespace seqvit::data
