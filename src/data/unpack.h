/// From stored values to physical ones: packing, missing values and valid ranges after CF 1.11, sections 2.5
/// and 8.1.
///
/// Missing is decided on the *stored* value (an unpacked fill value would have to survive a multiplication),
/// then physical = stored * scale_factor + add_offset in double precision. Knows nothing of netCDF-C.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace seqvit::data {

/// Text, or numbers (of any stored type).
using Attribute = std::variant<std::string, std::vector<double>>;

/// The text of an attribute; "" where there is none, or numbers.
std::string text_of(const std::map<std::string, Attribute>& attributes, const std::string& name);

enum class StoredType {
  int8,
  uint8,
  int16,
  uint16,
  int32,
  uint32,
  int64,
  uint64,
  float32,
  float64,
  text,
  other
};

/// "int16", "float32", ...; "char" for text.
const char* type_name(StoredType type);
/// Size of one value; 0 for `other`.
int64_t type_bytes(StoredType type);

struct Packing {
  StoredType type = StoredType::float32;  ///< how the stored bits are to be seen (`_Unsigned` changes it)
  double scale = 1.0, offset = 0.0;
  bool packed = false;          ///< whether scale and offset do anything
  std::vector<double> missing;  ///< stored values that stand for "no value"
  double lowest = -std::numeric_limits<double>::infinity(), highest = std::numeric_limits<double>::infinity();
};

/// The packing that a variable's attributes describe; `types` are the types the attributes are stored in.
/// - missing_value may be a vector, of another type than the data; one that the stored type cannot hold marks
/// nothing.
/// - Without _FillValue the default fill value of netCDF counts, except for bytes, where every value is data.
/// - valid_min, valid_max and valid_range count on the stored value where they have the stored type or the
///   data is not packed. A packed variable with limits of another type has them in unpacked units by the
///   NetCDF User Guide, but writers disagree, and a wrong guess would drop good data: they are left alone.
Packing make_packing(StoredType stored, const std::map<std::string, Attribute>& attributes,
                     const std::map<std::string, StoredType>& types, bool default_fill);

/// Converts `count` stored values in native byte order; missing ones become NaN. As floats, so do those that
/// are then not finite: infinite ones, and those that only a double can hold; no field has any. As doubles
/// these stay as they are, for whoever reports them. `raw` may be `out` itself where the stored type is that
/// of `out`.
void unpack(const Packing& packing, const std::byte* raw, size_t count, float* out);
void unpack(const Packing& packing, const std::byte* raw, size_t count, double* out);

}  // namespace seqvit::data
