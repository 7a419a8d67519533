#include "data/grib.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <limits>
#include <map>
#include <mutex>
#include <set>
#include <tuple>

#include "core/error.h"
#include "core/log.h"
#include "core/stop.h"
#include "core/workers.h"
#include "data/byte_codec.h"
#include "data/grib_message.h"
#include "data/hyperslab.h"

namespace seqvit::data {
namespace {

constexpr const char* kTimeUnits = "seconds since 1970-01-01";

struct Message {
  int64_t offset = 0, bytes = 0;
  GribKeys keys;
  double step() const { return static_cast<double>(keys.valid - keys.start) / 3600.0; }
};

/// Reads a part of the file. Throws ChunkError.
Bytes read_part(const std::string& path, int64_t offset, int64_t bytes) {
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "rb"));
  Bytes part(static_cast<size_t>(bytes));
  const bool whole = file && ::fseeko(file.get(), offset, SEEK_SET) == 0 &&
                     std::fread(part.data(), 1, part.size(), file.get()) == part.size();
  if (!whole) throw ChunkError("cannot be read");
  return part;
}

/// Where the messages of a file lie, by the lengths that they begin with: "GRIB", then in edition 1 three
/// bytes of length, in edition 2 eight, at byte 8. A message ends in "7777"; between messages there may be
/// headings of bulletins and zeros, but no more.
class Scanner {
 public:
  Scanner(const std::string& path, int64_t size) : path_(path), size_(size) {}

  std::vector<Message> run() {
    std::vector<Message> messages;
    int64_t at = 0;
    while (at + 16 <= size_) {
      const Bytes head = read_part(path_, at, 16);
      if (std::memcmp(head.data(), "GRIB", 4) != 0) {
        const int64_t next = next_start(at);
        check_skipped(at, next < 0 ? size_ : next);
        if (next < 0) break;
        at = next;
        continue;
      }
      const int64_t length = length_of(head, at);
      if (std::memcmp(read_part(path_, at + length - 4, 4).data(), "7777", 4) != 0) {
        throw ChunkError(
            fmt::format("expected the message at byte {} to end in 7777 at byte {}, found other bytes; the "
                        "file is damaged",
                        at, at + length - 4));
      }
      messages.push_back({at, length, {}});
      at += length;
    }
    return messages;
  }

 private:
  static uint64_t number(std::span<const std::byte> bytes) {
    uint64_t value = 0;
    for (const std::byte byte : bytes)
      value = value << 8 | std::to_integer<uint64_t>(byte);
    return value;
  }

  int64_t length_of(const Bytes& head, int64_t at) const {
    const auto edition = std::to_integer<int>(head[7]);
    if (edition != 1 && edition != 2)
      throw ChunkError(fmt::format("expected GRIB of edition 1 or 2 at byte {}, found {}", at, edition));
    uint64_t length =
        edition == 1 ? number(std::span(head).subspan(4, 3)) : number(std::span(head).subspan(8, 8));
    // Edition 1 beyond 8 MB: the highest bit, and units of 120 bytes less what the data section says.
    if (edition == 1 && (length & 0x800000U) != 0) length = long_length(at, length);
    if (length < 16 || length > static_cast<uint64_t>(size_ - at)) {
      throw ChunkError(
          fmt::format("expected a message of {} bytes at byte {}, found {}; the file is truncated", length,
                      at, size_ - at));
    }
    return static_cast<int64_t>(length);
  }

  /// The rule of ECMWF: total = units * 120 - the length in section 4 + 4.
  uint64_t long_length(int64_t at, uint64_t coded) const {
    int64_t section = at + 8;
    const Bytes product = read_part(path_, section, 8);
    const auto flags = std::to_integer<unsigned>(product[7]);
    section += static_cast<int64_t>(number(std::span(product).first(3)));
    for (const unsigned flag : {0x80U, 0x40U}) {
      if ((flags & flag) != 0) section += static_cast<int64_t>(number(read_part(path_, section, 3)));
    }
    const uint64_t data = number(read_part(path_, section, 3)), whole = (coded & 0x7FFFFFU) * 120;
    return data < 120 ? whole - data + 4 : coded;
  }

  void check_skipped(int64_t begin, int64_t end) const {
    constexpr int64_t kLongestHeading = 200, kPiece = 1 << 16;
    int64_t other = 0;
    for (int64_t at = begin; at < end; at += kPiece) {
      const Bytes piece = read_part(path_, at, std::min(kPiece, end - at));
      other += std::ssize(piece) - std::ranges::count(piece, std::byte{0});
    }
    if (other <= kLongestHeading) return;
    throw ChunkError(
        fmt::format("expected a message at byte {}, found {} bytes that belong to none; the file is damaged",
                    begin, other));
  }

  /// The next "GRIB" after bytes that are none of ours, or -1.
  int64_t next_start(int64_t at) const {
    constexpr int64_t kPiece = 1 << 16;
    while (at < size_) {
      const Bytes piece = read_part(path_, at, std::min(kPiece, size_ - at));
      const std::string_view text(reinterpret_cast<const char*>(piece.data()), piece.size());
      const size_t found = text.find("GRIB", at == 0 ? 0 : 1);
      if (found != std::string_view::npos) return at + static_cast<int64_t>(found);
      if (std::ssize(piece) < kPiece) return -1;
      at += kPiece - 4;
    }
    return -1;
  }

  const std::string& path_;
  int64_t size_;
};

/// The values along one dimension of one variable, sorted.
template <typename Value, typename Get>
std::vector<Value> distinct(const std::vector<const Message*>& messages, const Get& get) {
  std::set<Value> values;
  for (const Message* message : messages)
    values.insert(get(*message));
  return {values.begin(), values.end()};
}

int64_t index_in(const std::vector<double>& values, double value) {
  return std::lower_bound(values.begin(), values.end(), value) - values.begin();
}

class GribFile final : public SourceFile {
 public:
  explicit GribFile(const std::string& path) : SourceFile(path, stamp_of(path)) {
    bytes_ = std::max<int64_t>(0, stamp_.bytes);
    try {
      messages_ = Scanner(path_, bytes_).run();
      read_keys();
    } catch (const ChunkError& error) {
      fail(Exit::data, "{}: {}; copy or download it again", path_, error.what());
    }
    describe();
  }

 private:
  /// A variable's fields: the axes in front of its grid, and the message at each place.
  struct Fields {
    std::vector<int64_t> shape;
    std::vector<const Message*> messages;  // row-major over shape; nullptr: missing
    const GribGrid* grid = nullptr;
  };
  struct Axis {
    std::vector<double> values;
    std::string name;
  };

  void read_keys() {
    std::string problem;
    Progress progress;
    for (Message& message : messages_) {
      throw_if_stopped();
      if (progress.due()) progress.show(fmt::format("reading the index of {}", path_));
      const Bytes bytes = read_part(path_, message.offset, message.bytes);
      const GribMessage decoded(bytes);
      message.keys = decoded.keys();
      if (!message.keys.problem.empty()) {
        problem = fmt::format("{}: {}", message.keys.name, message.keys.problem);
      } else if (!grids_.contains(message.keys.grid)) {
        grids_[message.keys.grid] = decoded.grid();
      }
    }
    std::erase_if(messages_, [](const Message& message) { return !message.keys.problem.empty(); });
    if (messages_.empty() && problem.empty())
      fail(Exit::data, "{}: expected GRIB messages, found none; the file is damaged: copy it again", path_);
    if (messages_.empty()) fail(Exit::data, "{}: {}", path_, problem);
    if (!problem.empty()) log_warn("{}: left out: {}", path_, problem);
  }

  void describe() {
    // A parameter at several kinds of level, or on several grids, is several variables.
    std::map<std::tuple<std::string, std::string, std::string>, std::vector<const Message*>> groups;
    std::map<std::string, std::set<std::pair<std::string, std::string>>> kinds;
    for (const Message& message : messages_) {
      const GribKeys& keys = message.keys;
      groups[{keys.name, keys.level_type, keys.grid}].push_back(&message);
      kinds[keys.name].insert({keys.level_type, keys.grid});
    }
    std::set<std::string> names;
    for (const auto& [key, messages] : groups) {
      const GribKeys& keys = messages.front()->keys;
      std::string name = kinds[keys.name].size() == 1 ? keys.name : keys.name + "_" + keys.level_type;
      for (int copy = 2; !names.insert(name).second; ++copy)
        name = fmt::format("{}_{}_{}", keys.name, keys.level_type, copy);
      add_variable(name, messages);
    }
    attributes_["Conventions"] = "CF-1.10";
    attributes_["source"] = "GRIB";
    for (size_t i = 0; i < variables_.size(); ++i)
      variables_[i].id = static_cast<int>(i);
  }

  void add_variable(const std::string& name, const std::vector<const Message*>& messages) {
    const GribKeys& keys = messages.front()->keys;
    const auto number = [](const Message& m) { return static_cast<double>(m.keys.number); };
    const auto step = [](const Message& m) { return m.step(); };
    const auto level = [](const Message& m) { return m.keys.level; };
    const std::vector<double> numbers = distinct<double>(messages, number),
                              steps = distinct<double>(messages, step),
                              levels = distinct<double>(messages, level);
    const bool stepped = steps.size() > 1;
    const TimeStamp origin = to_time_stamp({1970, 1, 1}, Calendar::standard);
    const auto time = [&](const Message& m) {
      return static_cast<double>((stepped ? m.keys.start : m.keys.valid) - origin);
    };
    const std::vector<double> times = distinct<double>(messages, time);

    FileVariable variable;
    variable.name = name;
    Fields fields;
    const auto add_dim = [&](const std::string& dim, const std::vector<double>& values,
                             const std::map<std::string, Attribute>& attributes) {
      variable.dims.push_back({axis(dim, values, attributes), std::ssize(values), false});
      variable.chunk.push_back(1);
      fields.shape.push_back(std::ssize(values));
    };
    if (numbers.size() > 1) add_dim("number", numbers, {{"standard_name", "realization"}, {"units", "1"}});
    add_dim("time", times,
            {{"standard_name", stepped ? "forecast_reference_time" : "time"},
             {"units", kTimeUnits},
             {"calendar", "standard"}});
    if (stepped) add_dim("step", steps, {{"standard_name", "forecast_period"}, {"units", "hours"}});
    if (levels.size() > 1) add_dim(keys.level_type, levels, level_attributes(keys.level_type));

    int64_t count = 1;
    for (const int64_t size : fields.shape)
      count *= size;
    constexpr int64_t kMostFields = int64_t{1} << 26;
    if (count > kMostFields)
      fail(Exit::data, "{}: {}: expected at most {} fields, found {}", path_, name, kMostFields, count);
    fields.messages.resize(static_cast<size_t>(count));
    for (const Message* message : messages) {
      int64_t place = numbers.size() > 1 ? index_in(numbers, number(*message)) : 0;
      place = place * std::ssize(times) + index_in(times, time(*message));
      if (stepped) place = place * std::ssize(steps) + index_in(steps, message->step());
      if (levels.size() > 1) place = place * std::ssize(levels) + index_in(levels, level(*message));
      const Message*& held = fields.messages[static_cast<size_t>(place)];
      if (held != nullptr) {
        fail(Exit::data,
             "{}: {}: expected each field once, found two of {} at level {:g}, at bytes {} and {}; split the "
             "file (grib_copy)",
             path_, name, format_time(message->keys.valid, Calendar::standard), message->keys.level,
             held->offset, message->offset);
      }
      held = message;
    }
    fields.grid = &grids_.at(keys.grid);
    add_grid_dim(variable, "latitude", fields.grid->latitude, "degrees_north");
    add_grid_dim(variable, "longitude", fields.grid->longitude, "degrees_east");
    variable.type = StoredType::float64;
    variable.stored_type = "GRIB";
    variable.packing.type = StoredType::float64;
    put_text(variable, "long_name", keys.long_name);
    put_text(variable, "standard_name", keys.standard_name);
    put_text(variable, "units", keys.units);
    put_text(variable, "GRIB_typeOfLevel", keys.level_type);
    variables_.push_back(std::move(variable));
    fields_[name] = std::move(fields);
  }

  static void put_text(FileVariable& variable, const std::string& name, const std::string& text) {
    if (!text.empty()) variable.attributes[name] = text;
  }

  static std::map<std::string, Attribute> level_attributes(const std::string& type) {
    if (type == "isobaricInhPa")
      return {{"standard_name", "air_pressure"}, {"units", "hPa"}, {"positive", "down"}, {"axis", "Z"}};
    if (type == "isobaricInPa")
      return {{"standard_name", "air_pressure"}, {"units", "Pa"}, {"positive", "down"}, {"axis", "Z"}};
    if (type.starts_with("height"))
      return {{"standard_name", "height"}, {"units", "m"}, {"positive", "up"}, {"axis", "Z"}};
    return {{"long_name", type}, {"units", "1"}, {"axis", "Z"}};
  }

  void add_grid_dim(FileVariable& variable, const std::string& dim, const std::vector<double>& values,
                    const std::string& units) {
    variable.dims.push_back(
        {axis(dim, values, {{"standard_name", dim}, {"units", units}}), std::ssize(values), false});
    variable.chunk.push_back(std::ssize(values));
  }

  /// The name of a dim with these values, made with its coordinate where it is new: "time", "time_2", ...
  std::string axis(const std::string& dim, const std::vector<double>& values,
                   const std::map<std::string, Attribute>& attributes) {
    std::vector<Axis>& known = axes_[dim];
    for (const Axis& axis : known) {
      if (axis.values == values) return axis.name;
    }
    known.push_back({values, known.empty() ? dim : fmt::format("{}_{}", dim, known.size() + 1)});
    FileVariable coordinate;
    coordinate.name = known.back().name;
    coordinate.dims = {{coordinate.name, std::ssize(values), false}};
    coordinate.attributes = attributes;
    coordinate.type = StoredType::float64;
    coordinate.stored_type = "float64";
    coordinate.packing.type = StoredType::float64;
    coordinates_[coordinate.name] = values;
    variables_.push_back(coordinate);
    return coordinate.name;
  }

  void read_stored(const FileVariable& variable, std::span<const int64_t> start,
                   std::span<const int64_t> count, std::byte* out) const override {
    if (const auto values = coordinates_.find(variable.name); values != coordinates_.end()) {
      std::memcpy(out, values->second.data() + start[0], static_cast<size_t>(count[0]) * sizeof(double));
      return;
    }
    const Fields& fields = fields_.at(variable.name);
    const size_t front = fields.shape.size();
    std::vector<std::vector<int64_t>> places = chunks_of(variable.chunk, start, count);
    std::vector<int64_t> stride(variable.dims.size(), 0);
    stride[front] = variable.dims[front + 1].size;
    stride[front + 1] = 1;
    check_unchanged(path_, stamp_, stamp_of(path_));
    for_each_index(std::ssize(places), [&](int64_t i) {
      int64_t index = 0;
      for (size_t d = 0; d < front; ++d)
        index = index * fields.shape[d] + places[i][d];
      const Message* message = fields.messages[static_cast<size_t>(index)];
      const ChunkPart part{places[i], variable.chunk, stride, start, count, sizeof(double)};
      constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
      if (message == nullptr) return fill_part(part, reinterpret_cast<const std::byte*>(&kMissing), out);
      copy_part(part, reinterpret_cast<const std::byte*>(decode(variable, *message, *fields.grid).data()),
                out);
    });
  }

  /// Values by row and column.
  std::vector<double> decode(const FileVariable& variable, const Message& message,
                             const GribGrid& grid) const {
    try {
      const Bytes bytes = read_part(path_, message.offset, message.bytes);
      const std::vector<double> stored = GribMessage(bytes).values();
      if (stored.size() != grid.place.size())
        throw ChunkError(fmt::format("has {} values for {} points", stored.size(), grid.place.size()));
      std::vector<double> values(stored.size());
      for (size_t i = 0; i < stored.size(); ++i)
        values[static_cast<size_t>(grid.place[i])] = stored[i];
      return values;
    } catch (const ChunkError& error) {
      fail(Exit::data, "{}: {}: the message at byte {} {}; copy or download the file again", path_,
           variable.name, message.offset, error.what());
    }
  }

  std::vector<Message> messages_;
  std::map<std::string, GribGrid> grids_;
  std::map<std::string, std::vector<Axis>> axes_;
  std::map<std::string, std::vector<double>> coordinates_;
  std::map<std::string, Fields> fields_;
};

}  // namespace

std::string grib_library() {
  return eccodes_version();
}

std::shared_ptr<const SourceFile> open_grib(const std::string& path) {
  return std::make_shared<const GribFile>(path);
}

}  // namespace seqvit::data
