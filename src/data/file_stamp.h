/// Noticing that a file is cut, written to or replaced while it is read.
///
/// netCDF-C reads zeros past the end of a netCDF-3 file that became shorter, and whatever stands there now in
/// one that was written over: nothing but the file system says so. Cost: one call of the system.
#pragma once

#include <cstdint>
#include <string>

namespace seqvit::data {

/// The state of a file. No inode is compared: not every file system keeps it.
struct FileStamp {
  int64_t bytes = -1, modified_ns = 0;
  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

/// Of nothing where there is no file.
FileStamp stamp_of(const std::string& path);

/// Throws Error(data) saying what became of the file unless `now` is `before`.
void check_unchanged(const std::string& path, const FileStamp& before, const FileStamp& now);

}  // namespace seqvit::data
