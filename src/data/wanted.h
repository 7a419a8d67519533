/// How a configuration names a field of the files.
#pragma once

#include <optional>
#include <string>

namespace seqvit::data {

/// What a field is in the files: "t", "t@850", "t@*" (all levels), each also of certain files: "file.nc:t".
struct Wanted {
  std::string file;  ///< a path, its end, or a pattern; "" for any
  std::string variable;
  std::string as_named;  ///< the variable together with its level, where '@' may be part of a name
  std::optional<double> level;
  bool all_levels = false;

  /// Of a name alone, or (`source`) of what stands for it in DatasetOptions::sources. Throws Error(usage)
  /// where that names a file and no variable.
  static Wanted parse(const std::string& text, bool source);
  bool in_file(const std::string& path) const;
};

}  // namespace seqvit::data
