#include "data/zarr.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <unistd.h>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include "core/error.h"
#include "core/file.h"
#include "core/workers.h"
#include "data/hyperslab.h"

namespace seqvit::data {
namespace {

namespace fs = std::filesystem;
using Place = std::vector<int64_t>;

int64_t product(std::span<const int64_t> sizes) {
  int64_t result = 1;
  for (const int64_t size : sizes)
    result *= size;
  return result;
}

/// "c/0/1", "0.1"; of an array without dims "0", or "c".
fs::path chunk_path(const ZarrArray& array, std::span<const int64_t> place) {
  std::string key = array.key_prefix;
  for (const int64_t index : place) {
    if (!key.empty()) key += array.separator;
    key += std::to_string(index);
  }
  return array.directory / (key.empty() ? "0" : key);
}

/// A chunk's file, or nothing where there is none.
class ChunkFile {
 public:
  explicit ChunkFile(fs::path path)
      : path_(std::move(path)), descriptor_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (descriptor_ < 0 && (errno == ENOENT || errno == ENOTDIR)) return;
    struct stat status {};
    if (descriptor_ < 0 || ::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) {
      const std::string reason = descriptor_ < 0 ? std::strerror(errno) : "no file";
      if (descriptor_ >= 0) ::close(descriptor_);
      throw ChunkError(fmt::format("cannot be read: {}", reason));
    }
    size_ = status.st_size;
  }
  ~ChunkFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  ChunkFile(const ChunkFile&) = delete;
  ChunkFile& operator=(const ChunkFile&) = delete;

  bool exists() const { return descriptor_ >= 0; }
  int64_t size() const { return size_; }
  /// Throws ChunkError where the file has no such part.
  Bytes read(int64_t first, int64_t bytes) const {
    if (first < 0 || bytes < 0 || first > size_ || bytes > size_ - first)
      throw ChunkError(fmt::format("ends before its data do ({} bytes)", size_));
    Bytes result(static_cast<size_t>(bytes));
    const int64_t got = read_at(descriptor_, result, first);
    if (got < bytes) throw ChunkError(got < 0 ? std::strerror(errno) : "became shorter");
    return result;
  }

 private:
  fs::path path_;
  int descriptor_;
  int64_t size_ = 0;
};

float widen_half(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000U) << 16;
  const int exponent = bits >> 10 & 0x1F;
  const uint32_t fraction = bits & 0x3FFU;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000U | fraction << 13);
  const float value = exponent == 0 ? static_cast<float>(fraction) * 0x1p-24F
                                    : std::ldexp(static_cast<float>(fraction | 0x400U), exponent - 25);
  return std::bit_cast<float>(std::bit_cast<uint32_t>(value) | sign);
}

Bytes widen_halves(const Bytes& stored) {
  Bytes result(stored.size() * 2);
  for (size_t i = 0; i + 1 < stored.size(); i += 2) {
    uint16_t bits = 0;
    std::memcpy(&bits, stored.data() + i, 2);
    const float value = widen_half(bits);
    std::memcpy(result.data() + 2 * i, &value, 4);
  }
  return result;
}

/// The values of a chunk in native byte order, as the chunk stores them. Throws ChunkError.
Bytes decode_chunk(const ZarrArray& array, Bytes bytes) {
  const auto size = static_cast<size_t>(array.chunk.half ? 2 : type_bytes(array.variable.type));
  const size_t whole = static_cast<size_t>(product(array.chunk.shape)) * size;
  // Between two codecs there may be a header, a checksum, or bytes that did not shrink.
  const size_t most = whole + whole / 8 + 4096;
  for (auto codec = array.chunk.codecs.rbegin(); codec != array.chunk.codecs.rend(); ++codec)
    bytes = decode(*codec, bytes, std::next(codec) == array.chunk.codecs.rend() ? whole : most);
  if (bytes.size() != whole)
    throw ChunkError(fmt::format("holds {} bytes of values, where {} are a chunk", bytes.size(), whole));
  if (array.chunk.big_endian) swap_bytes(bytes, size);
  return array.chunk.half ? widen_halves(bytes) : std::move(bytes);
}

struct Stored {
  int64_t first = 0, bytes = -1;  ///< in the file; -1: all of it
};

/// Where the chunks of a shard lie; those that were never written are left out.
std::map<int64_t, Stored> read_index(const ZarrArray& array, const ChunkFile& file) {
  const Sharding& sharding = *array.sharding;
  const int64_t chunks = product(sharding.shape) / product(array.chunk.shape);
  const int64_t size = 16 * chunks + (sharding.index_checked ? 4 : 0);
  if (size > file.size()) throw ChunkError(fmt::format("ends within its index ({} bytes)", file.size()));
  Bytes bytes = file.read(sharding.index_first ? 0 : file.size() - size, size);
  if (sharding.index_checked) bytes = decode(ByteCodec::crc32c, bytes, bytes.size());
  std::map<int64_t, Stored> index;
  for (int64_t i = 0; i < chunks; ++i) {
    std::array<uint64_t, 2> entry{};
    std::memcpy(entry.data(), bytes.data() + 16 * i, 16);
    if (entry[0] == ~uint64_t{0} && entry[1] == ~uint64_t{0}) continue;
    const auto held = static_cast<uint64_t>(file.size());
    if (entry[0] > held || entry[1] > held - entry[0])
      throw ChunkError("has an index that points outside the file");
    index[i] = {static_cast<int64_t>(entry[0]), static_cast<int64_t>(entry[1])};
  }
  return index;
}

/// One read of a hyperslab.
class Reading {
 public:
  Reading(const SourceFile& file, const ZarrArray& array, std::span<const int64_t> start,
          std::span<const int64_t> count, std::byte* out)
      : file_(file),
        array_(array),
        start_(start),
        count_(count),
        out_(out),
        stride_(array.chunk.shape.size()) {
    int64_t stride = 1;
    for (auto dim = array.chunk.order.rbegin(); dim != array.chunk.order.rend(); ++dim) {
      stride_[*dim] = stride;
      stride *= array.chunk.shape[*dim];
    }
  }

  void run() const {
    const std::vector<Place> places = chunks_of(array_.chunk.shape, start_, count_);
    std::map<Place, std::map<int64_t, Stored>> indices;
    if (array_.sharding) {
      for (const Place& place : places) {
        const Place shard = shard_of(place);
        if (!indices.contains(shard)) indices[shard] = index_of(shard);
      }
    }
    for_each_index(std::ssize(places), [&](int64_t i) {
      const Place& place = places[i];
      if (!array_.sharding) return read_chunk(place, chunk_path(array_, place), Stored{});
      const Place shard = shard_of(place);
      const auto& index = indices.at(shard);
      const auto stored = index.find(place_in_shard(place));
      if (stored == index.end()) return fill(place);
      read_chunk(place, chunk_path(array_, shard), stored->second);
    });
  }

 private:
  ChunkPart part(const Place& place) const {
    return {place,   array_.chunk.shape,
            stride_, start_,
            count_,  static_cast<size_t>(type_bytes(array_.variable.type))};
  }
  void fill(const Place& place) const { fill_part(part(place), array_.fill.data(), out_); }

  int64_t chunks_along(size_t dim) const { return array_.sharding->shape[dim] / array_.chunk.shape[dim]; }
  Place shard_of(const Place& place) const {
    Place shard = place;
    for (size_t d = 0; d < shard.size(); ++d)
      shard[d] /= chunks_along(d);
    return shard;
  }
  int64_t place_in_shard(const Place& place) const {
    int64_t index = 0;
    for (size_t d = 0; d < place.size(); ++d)
      index = index * chunks_along(d) + place[d] % chunks_along(d);
    return index;
  }

  std::map<int64_t, Stored> index_of(const Place& shard) const {
    const fs::path path = chunk_path(array_, shard);
    try {
      const ChunkFile file(path);
      return file.exists() ? read_index(array_, file) : std::map<int64_t, Stored>{};
    } catch (const ChunkError& error) {
      fail_chunk(path, error);
    }
  }

  void read_chunk(const Place& place, const fs::path& path, Stored stored) const {
    try {
      const ChunkFile file(path);
      if (!file.exists()) return fill(place);
      const int64_t bytes = stored.bytes < 0 ? file.size() : stored.bytes;
      check_plausible(bytes);
      const Bytes values = decode_chunk(array_, file.read(stored.first, bytes));
      copy_part(part(place), values.data(), out_);
    } catch (const ChunkError& error) {
      fail_chunk(path, error);
    }
  }

  /// zstd makes at most 2^15 bytes of one; blosc less. Small chunks may be what they like.
  void check_plausible(int64_t bytes) const {
    constexpr int64_t kMostBytesPerByte = int64_t{1} << 16, kAlways = int64_t{1} << 26;
    const int64_t whole = product(array_.chunk.shape) * type_bytes(array_.variable.type);
    if (whole > kAlways && whole / kMostBytesPerByte > bytes)
      throw ChunkError(fmt::format("holds {} bytes, too few for a chunk of {}", bytes, whole));
  }

  [[noreturn]] void fail_chunk(const fs::path& path, const ChunkError& error) const {
    fail(Exit::data, "{}: {}: the chunk {} {}; it is damaged: copy or download it again", file_.path(),
         array_.variable.name, path.string(), error.what());
  }

  const SourceFile& file_;
  const ZarrArray& array_;
  std::span<const int64_t> start_, count_;
  std::byte* out_;
  std::vector<int64_t> stride_;
};

/// As a number that has room for any.
double chunks_in(const ZarrArray& array) {
  double chunks = 1.0;
  for (size_t d = 0; d < array.chunk.shape.size(); ++d)
    chunks *= std::ceil(static_cast<double>(array.variable.dims[d].size) /
                        static_cast<double>(array.chunk.shape[d]));
  return chunks;
}

}  // namespace

ZarrFile::ZarrFile(const std::string& path) : ZarrFile(path, read_zarr_store(path)) {}

ZarrFile::ZarrFile(const std::string& path, ZarrStore store)
    : SourceFile(path, stamp_of(store.stamped.string())),
      arrays_(std::move(store.arrays)),
      stamped_(std::move(store.stamped)) {
  attributes_ = std::move(store.attributes);
  for (const ZarrArray& array : arrays_)
    variables_.push_back(array.variable);
  measure();
}

/// Counts bytes until there are enough for what the arrays may hold (check_size in file_grid.h): in a store
/// that was written a few files are. An array of very many chunks, each of which must be looked for, needs
/// bytes too.
void ZarrFile::measure() {
  constexpr double kAlwaysChunks = 65536.0, kChunksPerByte = 64.0, kValuesPerByte = 512.0;
  double enough = 0.0;
  for (const ZarrArray& array : arrays_) {
    enough += static_cast<double>(array.variable.size()) / kValuesPerByte;
    enough = std::max(enough, (chunks_in(array) - kAlwaysChunks) / kChunksPerByte);
  }
  std::error_code error;
  for (auto entry = fs::recursive_directory_iterator(path_, error);
       !error && entry != fs::recursive_directory_iterator() && static_cast<double>(bytes_) < enough;
       entry.increment(error)) {
    std::error_code none;
    if (entry->is_regular_file(none)) bytes_ += static_cast<int64_t>(entry->file_size(none));
  }
  for (ZarrArray& array : arrays_) {
    const double chunks = chunks_in(array);
    if (chunks <= kAlwaysChunks + kChunksPerByte * static_cast<double>(bytes_)) continue;
    array.problem = fmt::format(
        "expected chunks, found {:.3g} of them in a store of {} bytes: nearly all were never written; cut "
        "the array to what was",
        chunks, bytes_);
  }
}

void ZarrFile::read_stored(const FileVariable& variable, std::span<const int64_t> start,
                           std::span<const int64_t> count, std::byte* out) const {
  const ZarrArray& array = arrays_.at(static_cast<size_t>(variable.id));
  if (!array.problem.empty()) fail(Exit::data, "{}: {}: {}", path_, variable.name, array.problem);
  check_unchanged(stamped_.string(), stamp_, stamp_of(stamped_.string()));
  Reading(*this, array, start, count, out).run();
}

}  // namespace seqvit::data
