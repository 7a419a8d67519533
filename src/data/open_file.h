/// Opening a file of any format that is known, told by what stands in it, never by its name.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "data/source_file.h"

namespace seqvit::data {

/// Of a format: whether it reads what lies at a path, and the reading.
struct FileFormat {
  std::string name;
  /// `head`: the first 512 bytes of a file; "" for a directory, or where there is nothing.
  std::function<bool(const std::string& path, std::string_view head)> matches;
  /// Throws Error(data).
  std::function<std::shared_ptr<const SourceFile>(const std::string& path)> open;
};

/// Adds a format of a program's own; those added are asked before ours, the last first. The list belongs to
/// the process, as the set of formats that a program knows does. Safe under threads.
void add_format(FileFormat format);

/// Throws Error(data): nothing there, a URL, a format that is not known (saying what it looks like and what
/// to do), or what the format's reader says.
std::shared_ptr<const SourceFile> open_file(const std::string& path);

}  // namespace seqvit::data
