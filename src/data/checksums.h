/// Checksums of data files, remembered on disk so that a second start does not read terabytes again.
#pragma once

#include <filesystem>
#include <string>

namespace seqvit::data {

/// Where seqvit may keep what it can compute again: $SEQVIT_CACHE, $XDG_CACHE_HOME/seqvit or ~/.cache/seqvit;
/// "" when none of them is set.
std::filesystem::path cache_directory();

/// Checksum of a file's content (core's file_checksum), remembered in `directory` ("" for cache_directory())
/// by its real path, size and time of modification; of a store that is a directory that of its files' names,
/// sizes and times. Throws Error(data) if the file cannot be read; a cache that cannot be written is not an
/// error.
std::string data_checksum(const std::string& path, const std::filesystem::path& directory = {});

/// What two ranks compare to know that they see the same file, as reading all of it would cost more than some
/// trainings: its size and first bytes; of a directory the names and sizes of its files.
std::string first_look(const std::string& path);

/// Writes a file of the cache, or does nothing where that fails. Many processes may write the same file at
/// once.
void write_cached(const std::filesystem::path& path, const std::string& text);

}  // namespace seqvit::data
