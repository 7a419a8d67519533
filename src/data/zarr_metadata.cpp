#include "data/zarr_metadata.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include "core/utf8.h"

namespace seqvit::data {
namespace {

using nlohmann::json;

constexpr int64_t kLongestDim = int64_t{1} << 48, kMostChunkBytes = int64_t{1} << 31;
constexpr size_t kMostDims = 32;

std::vector<int64_t> shape_of(const json& list, int64_t least, int64_t most) {
  if (!list.is_array() || list.size() > kMostDims) throw ChunkError("a shape of more than 32 dims, or none");
  std::vector<int64_t> shape;
  for (const json& size : list) {
    // Whole numbers only, and none that would not fit.
    const bool fits = size.is_number_unsigned() && size.get<uint64_t>() <= static_cast<uint64_t>(most);
    if (!fits || size.get<int64_t>() < least) throw ChunkError(fmt::format("a size of {}", size.dump()));
    shape.push_back(size.get<int64_t>());
  }
  return shape;
}

/// What a data type's name means.
struct DataType {
  StoredType type = StoredType::other;
  bool half = false;
  double seconds = 0.0;  ///< of one unit of datetime64 or timedelta64
  bool date = false;
};

/// Seconds of numpy's unit "ns", also with a count ("25s").
double seconds_of(const std::string& unit) {
  constexpr std::pair<const char*, double> kUnits[] = {{"W", 604800.0}, {"D", 86400.0}, {"h", 3600.0},
                                                       {"m", 60.0},     {"s", 1.0},     {"ms", 1e-3},
                                                       {"us", 1e-6},    {"ns", 1e-9}};
  for (const auto& [name, seconds] : kUnits) {
    if (unit == name) return seconds;
  }
  return 0.0;
}

/// numpy's "<f4", without the order of its bytes: "f4".
DataType type_of_code(const std::string& code) {
  constexpr std::pair<const char*, StoredType> kTypes[] = {
      {"i1", StoredType::int8},    {"u1", StoredType::uint8},  {"b1", StoredType::uint8},
      {"i2", StoredType::int16},   {"u2", StoredType::uint16}, {"i4", StoredType::int32},
      {"u4", StoredType::uint32},  {"i8", StoredType::int64},  {"u8", StoredType::uint64},
      {"f4", StoredType::float32}, {"f8", StoredType::float64}};
  for (const auto& [name, type] : kTypes) {
    if (code == name) return {type};
  }
  if (code == "f2") return {StoredType::float32, true};
  if (code.starts_with("S") || code.starts_with("U") || code.starts_with("O")) return {StoredType::text};
  if ((code.starts_with("M8[") || code.starts_with("m8[")) && code.ends_with("]")) {
    const double seconds = seconds_of(code.substr(3, code.size() - 4));
    if (seconds > 0.0) return {StoredType::int64, false, seconds, code[0] == 'M'};
  }
  return {};
}

/// Version 3's names: "float32", "bool", {"name": "numpy.datetime64", ...}.
DataType type_of_name(const json& data_type) {
  if (data_type.is_object()) {
    const std::string name = data_type.value("name", "");
    const json settings = data_type.value("configuration", json::object());
    const double seconds = seconds_of(settings.value("unit", "")) * settings.value("scale_factor", 1);
    if (name.starts_with("numpy.datetime64") && seconds > 0) return {StoredType::int64, false, seconds, true};
    if (name.starts_with("numpy.timedelta64") && seconds > 0)
      return {StoredType::int64, false, seconds, false};
    return name.find("string") != std::string::npos || name.find("utf") != std::string::npos
               ? DataType{StoredType::text}
               : DataType{};
  }
  const std::string name = data_type.get<std::string>();
  for (int type = 0; type < static_cast<int>(StoredType::text); ++type) {
    if (name == type_name(static_cast<StoredType>(type))) return {static_cast<StoredType>(type)};
  }
  if (name == "bool") return {StoredType::uint8};
  if (name == "float16") return {StoredType::float32, true};
  if (name == "string") return {StoredType::text};
  return {};
}

/// A number as JSON has it: 3, "NaN", "-Infinity", "0x7fc00000", true; or what xarray writes for a float in
/// version 3: the eight bytes of a double in base 64.
std::optional<double> number_of(const json& value, StoredType type) {
  if (value.is_number()) return value.get<double>();
  if (value.is_boolean()) return value.get<bool>() ? 1.0 : 0.0;
  if (!value.is_string()) return std::nullopt;
  const auto text = value.get<std::string>();
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  if (text.starts_with("0x") && text.size() <= 18) {
    uint64_t bits = 0;
    for (const char c : text.substr(2)) {
      if (std::isxdigit(static_cast<unsigned char>(c)) == 0) return std::nullopt;
      bits = bits << 4 | static_cast<uint64_t>(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
    }
    if (type == StoredType::float64) return std::bit_cast<double>(bits);
    return static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(bits)));
  }
  return std::nullopt;
}

std::optional<double> base64_double(const std::string& text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (text.size() != 12 || text[11] != '=') return std::nullopt;
  std::array<unsigned char, 9> bytes{};
  size_t made = 0;
  uint32_t bits = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const size_t digit = text[i] == '=' ? 0 : kDigits.find(text[i]);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    if (i % 4 != 3) continue;
    for (const int shift : {16, 8, 0})
      bytes[made++] = static_cast<unsigned char>(bits >> shift & 0xFF);
    bits = 0;
  }
  uint64_t value = 0;
  for (size_t i = 8; i-- > 0;)
    value = value << 8 | bytes[i];
  return std::bit_cast<double>(value);
}

template <typename T>
Bytes bytes_of(T value) {
  Bytes bytes(sizeof(T));
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

/// One value in the machine's order of bytes; integers as such, since a double does not hold all of them.
Bytes fill_bytes(const json& value, StoredType type) {
  const double number = number_of(value, type).value_or(0.0);
  if (type == StoredType::float32) return bytes_of(static_cast<float>(number));
  if (type == StoredType::float64) return bytes_of(number);
  uint64_t bits = 0;
  if (value.is_number_unsigned())
    bits = value.get<uint64_t>();
  else if (value.is_number_integer())
    bits = static_cast<uint64_t>(value.get<int64_t>());
  else if (std::abs(number) < 9e18)
    bits = static_cast<uint64_t>(static_cast<int64_t>(number));
  else if (value.is_string() && value == "NaT")
    bits = uint64_t{1} << 63;
  Bytes bytes = bytes_of(bits);  // of a little-endian machine, as all that this runs on
  bytes.resize(static_cast<size_t>(type_bytes(type)));
  return bytes;
}

void set_dims(ZarrArray& array, const std::vector<int64_t>& shape, const json& names,
              const std::string& group) {
  for (size_t d = 0; d < shape.size(); ++d) {
    const bool named = names.is_array() && names.size() == shape.size() && names[d].is_string();
    // xarray's own names for dims without one would be asked for by it: refused there, numbered here.
    const std::string name = named ? to_utf8(names[d].get<std::string>()) : fmt::format("dim_{}", d);
    array.variable.dims.push_back({fmt::format("{}{}", group, name), shape[d], false});
  }
}

void set_type(ZarrArray& array, const DataType& type, const std::string& said) {
  FileVariable& variable = array.variable;
  variable.type = type.type;
  variable.stored_type = type.half ? "float16" : variable.numeric() ? type_name(type.type) : said;
  array.chunk.half = type.half;
  if (type.seconds == 0.0) return;
  variable.stored_type = said;
  if (type.date)
    variable.attributes.emplace("units", "seconds since 1970-01-01");
  else
    variable.attributes.emplace("units", "seconds");
}

/// What is missing, and what values mean, by the attributes and the fill value.
void set_packing(ZarrArray& array, const DataType& type, std::optional<double> fill) {
  FileVariable& variable = array.variable;
  std::map<std::string, StoredType> types;
  for (const auto& [name, value] : variable.attributes) {
    if (std::holds_alternative<std::vector<double>>(value)) types[name] = variable.type;
  }
  if (const std::string text = variable.text("_FillValue"); !text.empty()) {
    if (const std::optional<double> value = base64_double(text))
      variable.attributes["_FillValue"] = std::vector<double>{*value};
  }
  if (fill && !std::isnan(*fill)) variable.attributes.emplace("_FillValue", std::vector<double>{*fill});
  variable.packing = make_packing(variable.type, variable.attributes, types, /*default_fill=*/false);
  if (type.seconds == 0.0) return;
  variable.packing.scale = type.seconds;
  variable.packing.packed = true;
  variable.packing.missing.push_back(-9223372036854775808.0);  // NaT
}

void set_problem(ZarrArray& array, const std::string& problem) {
  if (array.problem.empty()) array.problem = problem;
}

std::string unknown_codec(const std::string& name) {
  return fmt::format(
      "expected the codecs blosc, zstd, gzip, zlib, bytes, transpose, crc32c or sharding_indexed, found "
      "'{}'; write the store again with one of these (xarray: encoding)",
      name);
}

void add_codec(ZarrArray& array, std::string name) {
  constexpr std::string_view kOfNumcodecs = "numcodecs.";
  if (name.starts_with(kOfNumcodecs)) name.erase(0, kOfNumcodecs.size());
  for (const ByteCodec codec :
       {ByteCodec::zlib, ByteCodec::gzip, ByteCodec::zstd, ByteCodec::blosc, ByteCodec::crc32c}) {
    if (name != codec_name(codec)) continue;
    array.chunk.codecs.push_back(codec);
    return;
  }
  set_problem(array, unknown_codec(name));
}

/// Chunks are decoded whole, so they have a largest size, and few enough of them for what the array holds.
void check_chunks(const std::vector<int64_t>& shape, const std::vector<int64_t>& chunk, StoredType type) {
  if (shape.size() != chunk.size()) throw ChunkError("chunks of another number of dims than the array");
  int64_t bytes = std::max<int64_t>(1, type_bytes(type));
  for (const int64_t size : chunk) {
    if (size > kMostChunkBytes / bytes) throw ChunkError("a chunk of more than 2 GiB");
    bytes *= size;
  }
}

/// transpose: axis i of what is stored is axis order[i] of what was given.
void transpose(ZarrArray& array, const json& order) {
  std::vector<int>& now = array.chunk.order;
  std::vector<int> next;
  for (size_t i = 0; i < now.size(); ++i) {
    int axis = -1;
    if (order.is_array() && order.size() == now.size() && order[i].is_number_unsigned() &&
        order[i] < now.size())
      axis = now[order[i].get<size_t>()];
    else if (order == "C" || order == "F")
      axis = now[order == "C" ? i : now.size() - 1 - i];
    if (axis < 0 || std::find(next.begin(), next.end(), axis) != next.end())
      throw ChunkError("a transpose that is no permutation");
    next.push_back(axis);
  }
  now = std::move(next);
}

void read_codecs(ZarrArray& array, const json& codecs, bool inside_shard);

void read_sharding(ZarrArray& array, const json& settings) {
  Sharding sharding{array.chunk.shape};
  array.chunk.shape = shape_of(settings.at("chunk_shape"), 1, kLongestDim);
  check_chunks(sharding.shape, array.chunk.shape, array.variable.type);
  int64_t inner = 1;
  for (size_t d = 0; d < sharding.shape.size(); ++d) {
    if (sharding.shape[d] % array.chunk.shape[d] != 0)
      throw ChunkError("chunks that do not divide their shard");
    const int64_t along = sharding.shape[d] / array.chunk.shape[d];
    if (along > kMostChunkBytes / 16 / inner) throw ChunkError("a shard of more than 2^27 chunks");
    inner *= along;
  }
  sharding.index_first = settings.value("index_location", "end") == "start";
  for (const json& codec : settings.at("index_codecs")) {
    const std::string name = codec.value("name", "");
    const bool little = codec.value("configuration", json::object()).value("endian", "little") == "little";
    if (name == "crc32c")
      sharding.index_checked = true;
    else if (name != "bytes" || !little)
      set_problem(array, unknown_codec("index: " + name));
  }
  for (size_t d = 0; d < array.chunk.order.size(); ++d) {
    if (array.chunk.order[d] != static_cast<int>(d))
      set_problem(array, unknown_codec("transpose before sharding"));
  }
  array.sharding = std::move(sharding);
  read_codecs(array, settings.at("codecs"), true);
}

void read_codecs(ZarrArray& array, const json& codecs, bool inside_shard) {
  for (const json& codec : codecs) {
    const std::string name = codec.is_string() ? codec.get<std::string>() : codec.value("name", "");
    const json settings = codec.is_object() ? codec.value("configuration", json::object()) : json::object();
    if (name == "bytes" || name == "endian")
      array.chunk.big_endian = settings.value("endian", "little") == "big";
    else if (name == "transpose")
      transpose(array, settings.at("order"));
    else if (name == "sharding_indexed" && !inside_shard && array.chunk.codecs.empty())
      read_sharding(array, settings);
    else if (name == "vlen-utf8" || name == "vlen-bytes")
      set_problem(array, "text");
    else
      add_codec(array, name == "sharding_indexed" ? "sharding_indexed inside another codec" : name);
  }
}

}  // namespace

nlohmann::json parse_zarr_json(std::string text) {
  bool in_string = false;
  std::string clean;
  clean.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (in_string) {
      if (text[i] == '\\' && i + 1 < text.size())
        clean += text[i++];
      else if (text[i] == '"')
        in_string = false;
    } else {
      in_string = text[i] == '"';
      for (const std::string_view word : {"-Infinity", "Infinity", "NaN"}) {
        if (text.compare(i, word.size(), word) != 0) continue;
        clean += fmt::format("\"{}\"", word);
        i += word.size();
        break;
      }
      if (i >= text.size()) break;
    }
    clean += text[i];
  }
  return json::parse(clean);
}

std::map<std::string, Attribute> zarr_attributes(const nlohmann::json& attributes) {
  std::map<std::string, Attribute> result;
  if (!attributes.is_object()) return result;
  for (const auto& [name, value] : attributes.items()) {
    const std::string key = to_utf8(name);
    if (value.is_string() && value != "NaN") result[key] = to_utf8(value.get<std::string>());
    const std::optional<double> number = number_of(value, StoredType::other);
    if (number && !(value.is_string() && value != "NaN")) result[key] = std::vector<double>{*number};
    if (!value.is_array() || value.empty() || value.size() > 4096) continue;
    std::vector<double> numbers;
    for (const json& item : value) {
      if (const std::optional<double> one = number_of(item, StoredType::other)) numbers.push_back(*one);
    }
    if (numbers.size() == value.size()) result[key] = std::move(numbers);
  }
  return result;
}

ZarrArray parse_zarr2(const nlohmann::json& metadata, const nlohmann::json& attributes,
                      const std::string& name, const std::string& group) {
  ZarrArray array;
  array.variable.name = name;
  array.variable.attributes = zarr_attributes(attributes);
  const json names = attributes.is_object() ? attributes.value("_ARRAY_DIMENSIONS", json()) : json();
  set_dims(array, shape_of(metadata.at("shape"), 0, kLongestDim), names, group);
  const json& dtype = metadata.at("dtype");
  const std::string code = dtype.is_string() ? dtype.get<std::string>() : "a structure";
  const DataType type = type_of_code(dtype.is_string() && code.size() > 1 ? code.substr(1) : "");
  set_type(array, type, code);
  array.chunk.shape = shape_of(metadata.at("chunks"), 1, kLongestDim);
  array.chunk.big_endian = code.starts_with(">");
  const std::vector<int64_t> shape = shape_of(metadata.at("shape"), 0, kLongestDim);
  check_chunks(shape, array.chunk.shape, type.type);
  array.chunk.order.resize(shape.size());
  std::iota(array.chunk.order.begin(), array.chunk.order.end(), 0);
  if (metadata.value("order", "C") == "F") transpose(array, "F");
  if (const json filters = metadata.value("filters", json()); filters.is_array()) {
    for (const json& filter : filters)
      add_codec(array, filter.value("id", ""));
  }
  if (const json compressor = metadata.value("compressor", json()); compressor.is_object())
    add_codec(array, compressor.value("id", ""));
  const std::string separator = metadata.value("dimension_separator", ".");
  array.separator = separator == "/" ? '/' : '.';
  const json fill = metadata.value("fill_value", json());
  array.fill = fill_bytes(fill, array.variable.type);
  // xarray's rule: the fill value is the mark of what is missing. But a coordinate has a value at every
  // place.
  const bool coordinate = shape.size() == 1 && array.variable.dims[0].name == name;
  const bool marks = !coordinate && (fill.is_number() || fill.is_string());
  set_packing(array, type, marks ? number_of(fill, type.type) : std::nullopt);
  return array;
}

ZarrArray parse_zarr3(const nlohmann::json& metadata, const std::string& name, const std::string& group) {
  ZarrArray array;
  array.variable.name = name;
  const json attributes = metadata.value("attributes", json::object());
  array.variable.attributes = zarr_attributes(attributes);
  const std::vector<int64_t> shape = shape_of(metadata.at("shape"), 0, kLongestDim);
  set_dims(array, shape, metadata.value("dimension_names", json()), group);
  const json& data_type = metadata.at("data_type");
  const DataType type = type_of_name(data_type);
  set_type(array, type,
           data_type.is_string() ? data_type.get<std::string>() : data_type.value("name", "a structure"));
  const json& grid = metadata.at("chunk_grid");
  if (grid.value("name", "") != "regular") throw ChunkError("chunks of a grid that is not regular");
  array.chunk.shape = shape_of(grid.at("configuration").at("chunk_shape"), 1, kLongestDim);
  if (array.chunk.shape.size() != shape.size())
    throw ChunkError("chunks of another number of dims than the array");
  array.chunk.order.resize(shape.size());
  std::iota(array.chunk.order.begin(), array.chunk.order.end(), 0);
  const json keys = metadata.value("chunk_key_encoding", json::object());
  const bool plain = keys.value("name", "default") == "v2";
  const std::string separator =
      keys.value("configuration", json::object()).value("separator", plain ? "." : "/");
  array.separator = separator == "/" ? '/' : '.';
  if (!plain) array.key_prefix.push_back('c');
  for (const json& transformer : metadata.value("storage_transformers", json::array()))
    set_problem(array, unknown_codec("storage transformer " + transformer.value("name", "")));
  read_codecs(array, metadata.at("codecs"), false);
  check_chunks(shape, array.chunk.shape, type.type);
  array.fill = fill_bytes(metadata.value("fill_value", json()), array.variable.type);
  set_packing(array, type, std::nullopt);
  return array;
}

}  // namespace seqvit::data
