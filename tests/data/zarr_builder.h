/// Writes small Zarr stores for the tests of reading, chunk by chunk, so that each can be made wrong.
#pragma once

#include <blosc.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "data/byte_codec.h"

namespace seqvit::data {

inline void write_bytes(const std::filesystem::path& path, std::string_view text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}
inline void write_bytes(const std::filesystem::path& path, const Bytes& bytes) {
  write_bytes(path, std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

inline Bytes pack_blosc(const Bytes& bytes, const char* compressor, int shuffle, size_t size) {
  Bytes packed(bytes.size() + BLOSC_MAX_OVERHEAD);
  const int made = blosc_compress_ctx(5, shuffle, size, bytes.size(), bytes.data(), packed.data(),
                                      packed.size(), compressor, 0, 1);
  packed.resize(static_cast<size_t>(made));
  return packed;
}

inline Bytes with_crc32c(Bytes bytes) {
  const uint32_t sum = crc32c(bytes);
  for (int shift = 0; shift < 32; shift += 8)
    bytes.push_back(static_cast<std::byte>(sum >> shift & 0xFF));
  return bytes;
}

template <typename T>
Bytes bytes_of(const std::vector<T>& values, bool swapped = false) {
  Bytes bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  if (swapped) swap_bytes(bytes, sizeof(T));
  return bytes;
}

}  // namespace seqvit::data
