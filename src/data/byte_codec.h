/// Undoing what writers do to the bytes of a chunk: compression, checksums, order of bytes.
///
/// Pure functions of bytes, safe under threads. The size of the result is known beforehand (it is that of a
/// chunk), so nothing that the bytes say of themselves is allocated, and a chunk that is not what it should
/// be throws `ChunkError` with the reason; who knows the file adds its name. Sources: RFC 1950 and 1952,
/// zlib, gzip, zstd and blosc through libdeflate, libzstd and libblosc, RFC 3720 B.4 (CRC-32C).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace seqvit::data {

class ChunkError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

using Bytes = std::vector<std::byte>;

enum class ByteCodec { zlib, gzip, zstd, blosc, crc32c };

/// "zlib", "gzip", ...
const char* codec_name(ByteCodec codec);

/// Decodes `bytes` into at most `most` bytes.
Bytes decode(ByteCodec codec, std::span<const std::byte> bytes, size_t most);

/// The checksum that `crc32c` appends, of all of `bytes`.
uint32_t crc32c(std::span<const std::byte> bytes);

/// Deflates after RFC 1950.
Bytes encode_zlib(std::span<const std::byte> bytes, int level);
Bytes encode_zstd(std::span<const std::byte> bytes, int level);

/// Undoes HDF5's shuffle: first the first bytes of all values of `size` bytes, then the second ones, ...
Bytes unshuffle(std::span<const std::byte> bytes, size_t size);

/// Turns the bytes of each value of `size` bytes round.
void swap_bytes(std::span<std::byte> values, size_t size);

}  // namespace seqvit::data
