#include "data/hdf5_chunks.h"

#include <array>
#include <fcntl.h>
#include <mutex>
#include <optional>
#include <unistd.h>
#include <utility>
#include <vector>

#include <hdf5.h>

#include "core/file.h"
#include "core/workers.h"
#include "data/byte_codec.h"
#include "data/hyperslab.h"
#include "data/netcdf.h"

namespace seqvit::data {

/// A data set that is open, and how its chunks are undone.
struct Hdf5Chunks::Dataset {
  hid_t id = -1;
  bool usable = false, shuffled = false, swapped = false;
  std::optional<ByteCodec> codec;
};

namespace {

/// Closes an id of HDF5 with its own function.
class Id {
 public:
  Id(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  ~Id() {
    if (id_ >= 0) close_(id_);
  }
  Id(const Id&) = delete;
  Id& operator=(const Id&) = delete;
  operator hid_t() const { return id_; }  // NOLINT: it is one

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

/// Filters as they are undone: at most shuffle, then one codec. False for any other.
bool understand_filters(hid_t properties, bool& shuffled, std::optional<ByteCodec>& codec) {
  constexpr H5Z_filter_t kBlosc = 32001, kZstd = 32015;  // as registered with the HDF Group
  const int count = ::H5Pget_nfilters(properties);
  for (int i = 0; i < count; ++i) {
    unsigned flags = 0, config = 0;
    size_t values = 0;
    const H5Z_filter_t filter =
        ::H5Pget_filter2(properties, static_cast<unsigned>(i), &flags, &values, nullptr, 0, nullptr, &config);
    if (codec) return false;  // something after the codec: a checksum
    if (filter == H5Z_FILTER_SHUFFLE && !shuffled)
      shuffled = true;
    else if (filter == H5Z_FILTER_DEFLATE)
      codec = ByteCodec::zlib;
    else if (filter == kZstd)
      codec = ByteCodec::zstd;
    else if (filter == kBlosc)
      codec = ByteCodec::blosc;
    else
      return false;
  }
  return count >= 0;
}

/// Whether HDF5's type is exactly ours, in which order of bytes.
bool understand_type(hid_t type, StoredType stored, bool& swapped) {
  const std::array<std::array<hid_t, 2>, 10> types = {{{H5T_STD_I8LE, H5T_STD_I8BE},
                                                       {H5T_STD_U8LE, H5T_STD_U8BE},
                                                       {H5T_STD_I16LE, H5T_STD_I16BE},
                                                       {H5T_STD_U16LE, H5T_STD_U16BE},
                                                       {H5T_STD_I32LE, H5T_STD_I32BE},
                                                       {H5T_STD_U32LE, H5T_STD_U32BE},
                                                       {H5T_STD_I64LE, H5T_STD_I64BE},
                                                       {H5T_STD_U64LE, H5T_STD_U64BE},
                                                       {H5T_IEEE_F32LE, H5T_IEEE_F32BE},
                                                       {H5T_IEEE_F64LE, H5T_IEEE_F64BE}}};
  static_assert(static_cast<int>(StoredType::text) == 10);
  const auto& [little, big] = types[static_cast<size_t>(stored)];
  swapped = ::H5Tequal(type, big) > 0 && ::H5Tequal(type, little) <= 0;
  return swapped || ::H5Tequal(type, little) > 0;
}

struct Chunk {
  haddr_t address = HADDR_UNDEF;
  hsize_t bytes = 0;
};

Bytes read_part(int descriptor, const Chunk& chunk) {
  Bytes bytes(chunk.bytes);
  if (read_at(descriptor, bytes, static_cast<int64_t>(chunk.address)) < std::ssize(bytes))
    throw ChunkError("cannot be read");
  return bytes;
}

}  // namespace

Hdf5Chunks::Hdf5Chunks(std::string path) : path_(std::move(path)) {}

Hdf5Chunks::~Hdf5Chunks() {
  const std::lock_guard lock(netcdf_mutex());
  for (const auto& [id, dataset] : datasets_) {
    if (dataset.id >= 0) ::H5Dclose(dataset.id);
  }
  if (file_ >= 0) ::H5Fclose(file_);
  if (descriptor_ >= 0) ::close(descriptor_);
}

const Hdf5Chunks::Dataset& Hdf5Chunks::dataset(const FileVariable& variable) const {
  if (!std::exchange(tried_, true)) {
    // One file cannot be open with two degrees: netCDF-C has one or the other, by how it was built.
    for (const H5F_close_degree_t degree : {H5F_CLOSE_STRONG, H5F_CLOSE_SEMI}) {
      const Id access(::H5Pcreate(H5P_FILE_ACCESS), ::H5Pclose);
      ::H5Pset_fclose_degree(access, degree);
      file_ = ::H5Fopen(path_.c_str(), H5F_ACC_RDONLY, access);
      if (file_ >= 0) break;
    }
    descriptor_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  }
  const auto [found, is_new] = datasets_.try_emplace(variable.id);
  Dataset& made = found->second;
  if (!is_new || file_ < 0 || descriptor_ < 0) return made;
  made.id = ::H5Dopen2(file_, variable.name.c_str(), H5P_DEFAULT);
  if (made.id < 0) return made;
  const Id properties(::H5Dget_create_plist(made.id), ::H5Pclose), type(::H5Dget_type(made.id), ::H5Tclose),
      file_properties(::H5Fget_create_plist(file_), ::H5Pclose);
  hsize_t user_block = 1;
  std::vector<hsize_t> shape(variable.dims.size());
  const int rank = static_cast<int>(shape.size());
  made.usable = ::H5Pget_userblock(file_properties, &user_block) >= 0 && user_block == 0 &&
                ::H5Pget_layout(properties) == H5D_CHUNKED &&
                ::H5Pget_chunk(properties, rank, shape.data()) == rank &&
                std::equal(shape.begin(), shape.end(), variable.chunk.begin(), variable.chunk.end(),
                           [](hsize_t a, int64_t b) { return a == static_cast<hsize_t>(b); }) &&
                understand_type(type, variable.type, made.swapped) &&
                understand_filters(properties, made.shuffled, made.codec);
  return made;
}

bool Hdf5Chunks::read(const FileVariable& variable, std::span<const int64_t> start,
                      std::span<const int64_t> count, std::byte* out) const {
  const auto size = static_cast<size_t>(type_bytes(variable.type));
  size_t whole = size;
  std::vector<int64_t> stride(variable.chunk.size(), 1);
  for (size_t d = variable.chunk.size(); d-- > 0;) {
    stride[d] = static_cast<int64_t>(whole / size);
    whole *= static_cast<size_t>(variable.chunk[d]);
  }
  const std::vector<std::vector<int64_t>> places = chunks_of(variable.chunk, start, count);
  std::vector<Chunk> chunks(places.size());
  Dataset how;
  {
    const std::lock_guard lock(netcdf_mutex());
    how = dataset(variable);
    if (!how.usable) return false;
    for (size_t i = 0; i < places.size(); ++i) {
      std::vector<hsize_t> offset;
      for (size_t d = 0; d < places[i].size(); ++d)
        offset.push_back(static_cast<hsize_t>(places[i][d] * variable.chunk[d]));
      unsigned left_out = 0;
      const herr_t status = ::H5Dget_chunk_info_by_coord(how.id, offset.data(), &left_out, &chunks[i].address,
                                                         &chunks[i].bytes);
      const bool plausible = chunks[i].bytes <= 2 * whole + 4096;
      if (status < 0 || left_out != 0 || chunks[i].address == HADDR_UNDEF || !plausible) return false;
    }
  }
  try {
    for_each_index(std::ssize(places), [&](int64_t i) {
      Bytes bytes = read_part(descriptor_, chunks[i]);
      if (how.codec) bytes = decode(*how.codec, bytes, whole);
      if (bytes.size() != whole) throw ChunkError("is of another size");
      if (how.shuffled) bytes = unshuffle(bytes, size);
      if (how.swapped) swap_bytes(bytes, size);
      copy_part({places[i], variable.chunk, stride, start, count, size}, bytes.data(), out);
    });
  } catch (const ChunkError&) {
    return false;
  }
  return true;
}

}  // namespace seqvit::data
