/// A safetensors file from its parts, so that what is mutated is the header and not only its length.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace seqvit {

inline std::string shard_bytes(std::string_view header, std::string_view data) {
  const uint64_t length = header.size();
  std::string bytes(reinterpret_cast<const char*>(&length), sizeof length);
  bytes += header;
  bytes += data;
  return bytes;
}

/// What stands in front of the next NUL (or the end), which is taken from `rest` with it.
inline std::string_view take_part(std::string_view& rest) {
  const size_t end = rest.find('\0');
  const std::string_view part = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  return part;
}

}  // namespace seqvit
