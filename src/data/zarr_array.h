/// The metadata of a Zarr store, versions 2 and 3, as arrays whose chunks can be found and decoded.
///
/// Both versions become one description, so that reading knows no version. Nothing is taken from the metadata
/// unseen: sizes, ranks and numbers of chunks have bounds here. Sources: the Zarr specifications 2 and 3.0,
/// ZEP 2 (sharding), and xarray's conventions (`_ARRAY_DIMENSIONS`, what its fill values mean).
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/byte_codec.h"
#include "data/source_file.h"

namespace seqvit::data {

/// How the values of a chunk lie in bytes.
struct ChunkCoding {
  std::vector<int64_t> shape;  ///< of the chunk, in the order of the array's dims
  std::vector<int> order;      ///< dims as the chunk stores them, outermost first
  bool big_endian = false;
  bool half = false;              ///< float16, which is read as float32
  std::vector<ByteCodec> codecs;  ///< in the order of writing
};

/// A chunk file that holds chunks, with an index of where each one lies.
struct Sharding {
  std::vector<int64_t> shape;  ///< of the chunk file
  bool index_first = false, index_checked = false;
};

struct ZarrArray {
  FileVariable variable;
  std::filesystem::path directory;
  std::string key_prefix;  ///< "c" of version 3's default keys
  char separator = '.';
  Bytes fill;  ///< one value in native byte order: of what no chunk holds
  ChunkCoding chunk;
  std::optional<Sharding> sharding;
  std::string problem;  ///< why its values cannot be read, with what to do; "" where they can
};

struct ZarrStore {
  std::vector<ZarrArray> arrays;
  std::map<std::string, Attribute> attributes;
  std::filesystem::path stamped;  ///< the file whose change means another store
};

/// Whether a directory is a Zarr store.
bool is_zarr(const std::filesystem::path& directory);

/// Reads the consolidated metadata, or what stands in the directories. Arrays of groups have names such as
/// "/group/t"; so have their dims. Throws Error(data).
ZarrStore read_zarr_store(const std::filesystem::path& directory);

}  // namespace seqvit::data
