#include "data/wanted.h"

#include <charconv>
#include <filesystem>
#include <fnmatch.h>

#include "core/error.h"

namespace seqvit::data {

Wanted Wanted::parse(const std::string& text, bool source) {
  Wanted result;
  std::string name = text;
  if (const size_t colon = text.rfind(':'); source && colon != std::string::npos) {
    result.file = text.substr(0, colon);
    name = text.substr(colon + 1);
    if (result.file.empty() || name.empty())
      fail(Exit::usage, "data.sources: expected FILE:VARIABLE, found '{}'", text);
  }
  result.variable = result.as_named = name;
  const size_t at = name.rfind('@');
  if (at == std::string::npos || at == 0) return result;
  double level = 0.0;
  const char *first = name.data() + at + 1, *last = name.data() + name.size();
  const auto [end, error] = std::from_chars(first, last, level);
  result.all_levels = name.substr(at + 1) == "*";
  if (error == std::errc{} && end == last) result.level = level;
  if (result.all_levels || result.level) result.variable = name.substr(0, at);
  return result;
}

bool Wanted::in_file(const std::string& path) const {
  if (file.empty() || path == file || path.ends_with("/" + file)) return true;
  const std::string last = std::filesystem::path(path).filename();
  const auto matches = [](const std::string& pattern, const std::string& text) {
    return ::fnmatch(pattern.c_str(), text.c_str(), 0) == 0;
  };
  return matches(file, path) || matches("*/" + file, path) || matches(file, last);
}

}  // namespace seqvit::data
