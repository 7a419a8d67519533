/// Files that are either whole or absent, and checksums of their content.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/error.h"

struct XXH3_state_s;  // of xxhash.h

namespace seqvit {

/// XXH3-64 of bytes that come in pieces.
class Checksum {
 public:
  Checksum();
  void add(std::span<const std::byte> bytes);
  std::string text() const;  ///< 16 hexadecimal digits

 private:
  struct Free {
    void operator()(XXH3_state_s* state) const;
  };
  std::unique_ptr<XXH3_state_s, Free> state_;
};

/// XXH3-64 of a file's content as 16 hexadecimal digits. Throws Error(code) if it cannot be read. `between`
/// is called after each piece and may throw.
std::string file_checksum(
    const std::filesystem::path& path, Exit code, const std::function<void()>& between = [] {});

/// Asks the system to forget what it holds of a synced file in memory, so that the next reading is one of the
/// disk. A hint: no failure is reported.
void drop_from_cache(const std::filesystem::path& path);

/// XXH3-64 of a block of memory as 16 hexadecimal digits.
std::string checksum(std::span<const std::byte> bytes);

/// The whole file as text. Throws Error(code) if it cannot be read.
std::string read_text(const std::filesystem::path& path, Exit code);

/// Reads `out` from `offset` on. Returns how many bytes were there: fewer at the end of the file; -1, with
/// errno, where reading failed.
int64_t read_at(int descriptor, std::span<std::byte> out, int64_t offset);

/// A file being written: content goes to a temporary name beside `path`, and `commit` syncs it to disk and
/// gives it its name. Destroyed without commit it leaves nothing behind. Every failure (a full disk among
/// them) throws Error(code) that names the file and the reason. A link is followed; what is neither a file
/// nor absent (a pipe, a device) is written to as it is.
class AtomicFile {
 public:
  AtomicFile(std::filesystem::path path, Exit code);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  void commit();

 private:
  std::filesystem::path path_, temporary_;
  Exit code_;
  int descriptor_ = -1;
};

/// Removes what writers of `path` that were killed have left beside it; none may be at work. Files that
/// cannot be removed stay.
void remove_temporaries_of(const std::filesystem::path& path);

/// Held by one process at a time, until it is destroyed or the process ends. Throws Error(code) with `why` if
/// another holds it; a file system without locks has none.
class DirectoryLock {
 public:
  DirectoryLock(const std::filesystem::path& directory, Exit code, const char* why);
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  int descriptor_ = -1;
};

/// Writes `text` to `path` as one step.
void write_text(const std::filesystem::path& path, std::string_view text, Exit code);

/// Makes a rename or a new file in `directory` survive a crash of the machine.
void sync_directory(const std::filesystem::path& directory, Exit code);

/// Creates a directory and its parents; Error(code) with the reason if that fails.
void make_directories(const std::filesystem::path& directory, Exit code);

}  // namespace seqvit
