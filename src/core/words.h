/// Text that files and people write in any case and with any space around it. ASCII, whatever the locale.
#pragma once

#include <string>
#include <string_view>

namespace seqvit {

inline std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return result;
}

inline std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\n\v\f\r";
  const size_t first = text.find_first_not_of(kSpace);
  return first == std::string_view::npos ? std::string_view{}
                                         : text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

/// `text` as it is where it is UTF-8, else taken for Latin-1, in which files write a degree sign.
inline std::string to_utf8(std::string text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(i < text.size() ? text[i] : '\0'); };
  const auto length = [&](size_t i) -> size_t {  // of the character that begins here; 0 where none does
    const unsigned char first = byte(i);
    const size_t bytes = first < 0x80   ? 1
                         : first < 0xC2 ? 0
                         : first < 0xE0 ? 2
                         : first < 0xF0 ? 3
                         : first < 0xF5 ? 4
                                        : 0;
    for (size_t k = 1; k < bytes; ++k) {
      if ((byte(i + k) & 0xC0) != 0x80) return 0;
    }
    const bool too_long = (first == 0xE0 && byte(i + 1) < 0xA0) || (first == 0xF0 && byte(i + 1) < 0x90);
    const bool no_character = (first == 0xED && byte(i + 1) > 0x9F) || (first == 0xF4 && byte(i + 1) > 0x8F);
    return too_long || no_character ? 0 : bytes;
  };
  for (size_t i = 0, bytes = 0; i < text.size(); i += bytes) {
    bytes = length(i);
    if (bytes > 0) continue;
    std::string converted;
    for (const char c : text) {
      const auto code = static_cast<unsigned char>(c);
      if (code >= 0x80) converted += static_cast<char>(0xC0 | code >> 6);
      converted += static_cast<char>(code < 0x80 ? code : 0x80 | (code & 0x3F));
    }
    return converted;
  }
  return text;
}

}  // namespace seqvit
