#include "data/grib_message.h"

#include <algorithm>
#include <cmath>
#include <eccodes.h>
#include <limits>
#include <map>
#include <mutex>

#include <fmt/format.h>

#include "data/byte_codec.h"

namespace seqvit::data {
namespace {

std::mutex& eccodes_mutex() {
  static std::mutex mutex;
  return mutex;
}

void require(int status, const char* what) {
  if (status != CODES_SUCCESS)
    throw ChunkError(fmt::format("{}: {}", what, ::codes_get_error_message(status)));
}

/// The caller of these holds the lock.
class Keys {
 public:
  explicit Keys(codes_handle* handle) : handle_(handle) {}

  std::string text(const char* key) const {
    char buffer[1024] = {};
    size_t size = sizeof buffer;
    if (::codes_get_string(handle_, key, buffer, &size) != CODES_SUCCESS) return "";
    const std::string text = buffer;
    return text == "unknown" || text == "~" ? "" : text;
  }
  int64_t number(const char* key, int64_t otherwise) const {
    long value = 0;
    return ::codes_get_long(handle_, key, &value) == CODES_SUCCESS ? int64_t{value} : otherwise;
  }
  int64_t number(const char* key) const {
    long value = 0;
    require(::codes_get_long(handle_, key, &value), key);
    return value;
  }
  double real(const char* key) const {
    double value = 0.0;
    require(::codes_get_double(handle_, key, &value), key);
    return value;
  }
  /// Of at most `most` values.
  std::vector<double> list(const char* key, size_t most) const {
    size_t size = 0;
    require(::codes_get_size(handle_, key, &size), key);
    if (size > most)
      throw ChunkError(fmt::format("has {} {}, more than the {} of its grid", size, key, most));
    std::vector<double> values(size);
    if (size > 0) require(::codes_get_double_array(handle_, key, values.data(), &size), key);
    values.resize(size);
    return values;
  }
  TimeStamp time(const char* date_key, const char* time_key) const {
    const int64_t date = number(date_key), clock = number(time_key);
    const DateTime time{static_cast<int>(date / 10000), static_cast<int>(date / 100 % 100),
                        static_cast<int>(date % 100), static_cast<int>(clock / 100),
                        static_cast<int>(clock % 100)};
    const bool is_time = time.month >= 1 && time.month <= 12 && time.day >= 1 && time.day <= 31 &&
                         clock >= 0 && time.hour <= 24 && time.minute < 60 && time.year > 0 &&
                         time.year < 10000;
    if (!is_time)
      throw ChunkError(fmt::format("has no date in {} ({}) and {} ({})", date_key, date, time_key, clock));
    return to_time_stamp(time, Calendar::standard);
  }

 private:
  codes_handle* handle_;
};

std::string problem_of(const std::string& type) {
  if (type == "regular_ll" || type == "regular_gg") return "";
  const std::string found =
      fmt::format("expected a regular grid in latitude and longitude, found '{}'; ", type);
  if (type == "reduced_gg" || type == "reduced_ll")
    return found + "make it regular (cdo -R copy FILE NEW_FILE, or cdo setgridtype,regular FILE NEW_FILE)";
  if (type == "sh") return found + "make a grid of it (cdo sp2gpl FILE NEW_FILE)";
  return found + "regrid it (cdo remapbil,global_1 FILE NEW_FILE)";
}

constexpr size_t kMostPoints = size_t{1} << 30;

/// Each value once, in the order in which they first come; how often they change is the rank of a grid's
/// rows.
class Axis {
 public:
  int32_t index_of(double value) {
    const auto [found, is_new] = index_.try_emplace(value, static_cast<int32_t>(values_.size()));
    if (is_new) values_.push_back(value);
    return found->second;
  }
  std::vector<double> take() { return std::move(values_); }

 private:
  std::map<double, int32_t> index_;
  std::vector<double> values_;
};

}  // namespace

std::string eccodes_version() {
  const long version = ::codes_get_api_version();
  return fmt::format("ecCodes {}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

void GribMessage::Delete::operator()(void* handle) const {
  const std::lock_guard lock(eccodes_mutex());
  ::codes_handle_delete(static_cast<codes_handle*>(handle));
}

GribMessage::GribMessage(std::span<const std::byte> bytes) {
  const std::lock_guard lock(eccodes_mutex());
  handle_.reset(::codes_handle_new_from_message(nullptr, bytes.data(), bytes.size()));
  if (!handle_) throw ChunkError("is no message that ecCodes understands");
}

GribKeys GribMessage::keys() const {
  const std::lock_guard lock(eccodes_mutex());
  const Keys keys(static_cast<codes_handle*>(handle_.get()));
  GribKeys result;
  result.name = keys.text("cfVarName");
  if (result.name.empty()) result.name = keys.text("shortName");
  if (result.name.empty()) result.name = fmt::format("param{}", keys.number("paramId", 0));
  result.long_name = keys.text("name");
  result.standard_name = keys.text("cfName");
  result.units = keys.text("units");
  result.level_type = keys.text("typeOfLevel");
  result.level = keys.real("level");
  result.start = keys.time("dataDate", "dataTime");
  result.valid = keys.time("validityDate", "validityTime");
  result.number = keys.number("number", 0);
  result.problem = problem_of(keys.text("gridType"));
  result.grid = keys.text("md5GridSection");
  return result;
}

GribGrid GribMessage::grid() const {
  const std::lock_guard lock(eccodes_mutex());
  const Keys keys(static_cast<codes_handle*>(handle_.get()));
  const int64_t columns = keys.number("Ni"), rows = keys.number("Nj");
  if (columns < 1 || rows < 1 || columns > static_cast<int64_t>(kMostPoints) / rows)
    throw ChunkError(fmt::format("has a grid of {} x {} points", rows, columns));
  const auto points = static_cast<size_t>(rows * columns);
  const std::vector<double> latitude = keys.list("latitudes", points),
                            longitude = keys.list("longitudes", points);
  if (latitude.size() != points || longitude.size() != points)
    throw ChunkError(fmt::format("has {} points for a grid of {} x {}", latitude.size(), rows, columns));
  Axis row, column;
  std::vector<std::pair<int32_t, int32_t>> at(points);
  for (size_t i = 0; i < points; ++i)
    at[i] = {row.index_of(latitude[i]), column.index_of(longitude[i])};
  // Rows that run to and fro: ecCodes says where points would be if they did not.
  if (keys.number("alternativeRowScanning", 0) != 0) {
    const int64_t line = keys.number("jPointsAreConsecutive", 0) != 0 ? rows : columns;
    for (auto odd = at.begin() + line; odd < at.end(); odd += std::min<int64_t>(2 * line, at.end() - odd))
      std::reverse(odd, odd + std::min<int64_t>(line, at.end() - odd));
  }
  GribGrid grid{row.take(), column.take(), {}};
  if (std::ssize(grid.latitude) != rows || std::ssize(grid.longitude) != columns) {
    throw ChunkError(fmt::format("has {} latitudes and {} longitudes on a grid of {} x {}",
                                 grid.latitude.size(), grid.longitude.size(), rows, columns));
  }
  for (const auto& [y, x] : at)
    grid.place.push_back(y * static_cast<int32_t>(columns) + x);
  return grid;
}

std::vector<double> GribMessage::values() const {
  constexpr double kMissing = -1e300;
  const std::lock_guard lock(eccodes_mutex());
  auto* handle = static_cast<codes_handle*>(handle_.get());
  const Keys keys(handle);
  const bool has_bitmap = keys.number("bitmapPresent", 0) != 0;
  if (has_bitmap) require(::codes_set_double(handle, "missingValue", kMissing), "missingValue");
  std::vector<double> values = keys.list("values", kMostPoints);
  if (has_bitmap)
    std::replace(values.begin(), values.end(), kMissing, std::numeric_limits<double>::quiet_NaN());
  return values;
}

}  // namespace seqvit::data
