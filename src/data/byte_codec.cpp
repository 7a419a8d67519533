#include "data/byte_codec.h"

#include <algorithm>
#include <array>
#include <blosc.h>
#include <cstdint>
#include <cstring>
#include <libdeflate.h>
#include <memory>
#include <zstd.h>

#include <fmt/format.h>

namespace seqvit::data {
namespace {

/// libdeflate's decompressor, one a thread: it takes longer to make than a small chunk to inflate.
libdeflate_decompressor* decompressor() {
  struct Free {
    void operator()(libdeflate_decompressor* of) const { ::libdeflate_free_decompressor(of); }
  };
  static thread_local const std::unique_ptr<libdeflate_decompressor, Free> mine(
      ::libdeflate_alloc_decompressor());
  if (!mine) throw ChunkError("cannot be inflated: no memory");
  return mine.get();
}

Bytes inflate(ByteCodec codec, std::span<const std::byte> bytes, size_t most) {
  Bytes result(most);
  size_t taken = 0, made = 0;
  do {  // gzip may have several members
    size_t in = 0, out = 0;
    auto* const decode_member =
        codec == ByteCodec::gzip ? ::libdeflate_gzip_decompress_ex : ::libdeflate_zlib_decompress_ex;
    const libdeflate_result status = decode_member(decompressor(), bytes.data() + taken, bytes.size() - taken,
                                                   result.data() + made, most - made, &in, &out);
    if (status == LIBDEFLATE_INSUFFICIENT_SPACE)
      throw ChunkError(fmt::format("inflates to more than {} bytes", most));
    if (status != LIBDEFLATE_SUCCESS) throw ChunkError("is not what zlib wrote, or ends before its data do");
    taken += in;
    made += out;
  } while (codec == ByteCodec::gzip && taken < bytes.size());
  result.resize(made);
  return result;
}

Bytes decode_zstd(std::span<const std::byte> bytes, size_t most) {
  Bytes result(most);
  const size_t size = ::ZSTD_decompress(result.data(), most, bytes.data(), bytes.size());
  if (::ZSTD_isError(size) != 0) throw ChunkError(fmt::format("zstd: {}", ::ZSTD_getErrorName(size)));
  result.resize(size);
  return result;
}

Bytes decode_blosc(std::span<const std::byte> bytes, size_t most) {
  size_t size = 0;
  if (bytes.size() < BLOSC_MIN_HEADER_LENGTH) throw ChunkError("ends within blosc's header");
  if (::blosc_cbuffer_validate(bytes.data(), bytes.size(), &size) != 0)
    throw ChunkError("is not what blosc wrote, or ends before its data do");
  if (size > most) throw ChunkError(fmt::format("blosc: {} bytes, more than {}", size, most));
  Bytes result(size);
  const int made = ::blosc_decompress_ctx(bytes.data(), result.data(), size, 1);
  if (made < 0 || static_cast<size_t>(made) != size) throw ChunkError("blosc cannot decompress it");
  return result;
}

Bytes check_crc32c(std::span<const std::byte> bytes) {
  if (bytes.size() < 4) throw ChunkError("ends within its checksum");
  const auto data = bytes.first(bytes.size() - 4);
  uint32_t stored = 0;
  for (int i = 3; i >= 0; --i)
    stored = stored << 8 | std::to_integer<uint32_t>(bytes[data.size() + static_cast<size_t>(i)]);
  if (stored != crc32c(data)) throw ChunkError("has another checksum (crc32c) than its bytes");
  return {data.begin(), data.end()};
}

constexpr std::array<uint32_t, 256> crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit)
      value = value >> 1 ^ ((value & 1) != 0 ? 0x82F63B78U : 0U);
    table[i] = value;
  }
  return table;
}

}  // namespace

const char* codec_name(ByteCodec codec) {
  constexpr std::array<const char*, 5> kNames = {"zlib", "gzip", "zstd", "blosc", "crc32c"};
  return kNames[static_cast<size_t>(codec)];
}

uint32_t crc32c(std::span<const std::byte> bytes) {
  static constexpr std::array<uint32_t, 256> kTable = crc_table();
  uint32_t value = ~0U;
  for (const std::byte byte : bytes)
    value = value >> 8 ^ kTable[(value ^ std::to_integer<uint32_t>(byte)) & 0xFF];
  return ~value;
}

Bytes decode(ByteCodec codec, std::span<const std::byte> bytes, size_t most) {
  switch (codec) {
    case ByteCodec::zlib:
    case ByteCodec::gzip:
      return inflate(codec, bytes, most);
    case ByteCodec::zstd:
      return decode_zstd(bytes, most);
    case ByteCodec::blosc:
      return decode_blosc(bytes, most);
    case ByteCodec::crc32c:
      return check_crc32c(bytes);
  }
  throw ChunkError("codec");
}

Bytes encode_zlib(std::span<const std::byte> bytes, int level) {
  struct Free {
    void operator()(libdeflate_compressor* of) const { ::libdeflate_free_compressor(of); }
  };
  const std::unique_ptr<libdeflate_compressor, Free> compressor(::libdeflate_alloc_compressor(level));
  if (!compressor) throw ChunkError("cannot be deflated: no memory");
  Bytes result(::libdeflate_zlib_compress_bound(compressor.get(), bytes.size()));
  result.resize(
      ::libdeflate_zlib_compress(compressor.get(), bytes.data(), bytes.size(), result.data(), result.size()));
  return result;
}

Bytes encode_zstd(std::span<const std::byte> bytes, int level) {
  Bytes result(::ZSTD_compressBound(bytes.size()));
  const size_t size = ::ZSTD_compress(result.data(), result.size(), bytes.data(), bytes.size(), level);
  if (::ZSTD_isError(size) != 0) throw ChunkError(fmt::format("zstd: {}", ::ZSTD_getErrorName(size)));
  result.resize(size);
  return result;
}

Bytes unshuffle(std::span<const std::byte> bytes, size_t size) {
  Bytes result(bytes.begin(), bytes.end());  // what is no whole value stays at the end
  const size_t values = bytes.size() / size;
  for (size_t byte = 0; byte < size; ++byte) {
    const std::byte* plane = bytes.data() + byte * values;
    for (size_t i = 0; i < values; ++i)
      result[i * size + byte] = plane[i];
  }
  return result;
}

void swap_bytes(std::span<std::byte> values, size_t size) {
  const auto swap_all = [&]<typename T>(T, auto turn) {
    for (size_t i = 0; i + sizeof(T) <= values.size(); i += sizeof(T)) {
      T value;
      std::memcpy(&value, values.data() + i, sizeof(T));
      value = turn(value);
      std::memcpy(values.data() + i, &value, sizeof(T));
    }
  };
  if (size == 2) swap_all(uint16_t{}, [](uint16_t value) { return __builtin_bswap16(value); });
  if (size == 4) swap_all(uint32_t{}, [](uint32_t value) { return __builtin_bswap32(value); });
  if (size == 8) swap_all(uint64_t{}, [](uint64_t value) { return __builtin_bswap64(value); });
}

}  // namespace seqvit::data
