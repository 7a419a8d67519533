/// Text of other people's files as UTF-8, which JSON, YAML and netCDF ask for.
#pragma once

#include <string>
#include <string_view>

namespace seqvit {

/// How many of the first bytes are valid UTF-8: all of them, or those before the first that is not.
size_t valid_utf8(std::string_view text);

/// `text` itself where it is UTF-8; else every byte as a letter of Latin-1, which older files are written in
/// ("°C").
std::string to_utf8(std::string text);

}  // namespace seqvit
