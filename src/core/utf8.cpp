#include "core/utf8.h"

#include <cstdint>

namespace seqvit {
namespace {

/// Bytes of the character that begins with `lead`, 0 where none does, and its least code point (a shorter
/// form would do for what lies below).
struct Form {
  size_t bytes;
  uint32_t least;
};
Form form_of(unsigned char lead) {
  if (lead < 0x80) return {1, 0};
  if (lead >= 0xC0 && lead < 0xE0) return {2, 0x80};
  if (lead >= 0xE0 && lead < 0xF0) return {3, 0x800};
  if (lead >= 0xF0 && lead < 0xF8) return {4, 0x10000};
  return {0, 0};
}

/// Bytes of the character at the front, 0 where it is not valid.
size_t valid_character(std::string_view text) {
  const auto [bytes, least] = form_of(static_cast<unsigned char>(text[0]));
  if (bytes == 0 || bytes > text.size()) return 0;
  if (bytes == 1) return 1;
  uint32_t code = static_cast<unsigned char>(text[0]) & (0xFFU >> (bytes + 1));
  for (const char c : text.substr(1, bytes - 1)) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0U) != 0x80U) return 0;
    code = code << 6U | (byte & 0x3FU);
  }
  const bool surrogate = code >= 0xD800 && code < 0xE000;
  return code < least || surrogate || code > 0x10FFFF ? 0 : bytes;
}

}  // namespace

size_t valid_utf8(std::string_view text) {
  size_t valid = 0;
  while (valid < text.size()) {
    const size_t bytes = valid_character(text.substr(valid));
    if (bytes == 0) break;
    valid += bytes;
  }
  return valid;
}

std::string to_utf8(std::string text) {
  if (valid_utf8(text) == text.size()) return text;
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      result += c;
    } else {
      result += static_cast<char>(0xC0U | byte >> 6U);
      result += static_cast<char>(0x80U | (byte & 0x3FU));
    }
  }
  return result;
}

}  // namespace seqvit
