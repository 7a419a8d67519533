/// What a writer through HDF5 has to do about disks that fill up.
///
/// HDF5 1.10 does not survive a write that fails while it flushes: it cannot close the file any more, and
/// netCDF-C crashes when it tries, or the process does at its end. So HDF5 must not meet a full disk: the
/// room is asked for before the file is made, held where the file system can, and looked for before each
/// write where it cannot; and a file that is given up is closed into nowhere.
#pragma once

#include <cstdint>
#include <filesystem>

namespace seqvit::data {

/// Room for what HDF5 writes besides the data.
inline constexpr int64_t kMetadataBytes = int64_t{1} << 20;

/// Asks the system for `bytes` of room at `path`, a file that is not there yet, and gives it back. Returns 0,
/// also where the file system cannot tell, or the errno of what is in the way.
int room_error(const std::filesystem::path& path, int64_t bytes);

/// Takes `bytes` of room for the file `path`, whose size stays as it is, until it is closed or cut. Returns
/// whether the file system can do that.
bool hold_room(const std::filesystem::path& path, int64_t bytes);

/// 0 if the file `path` can grow by `bytes` within the limit on file sizes and, unless its room is held, the
/// free room of the disk; else EFBIG or ENOSPC.
int growth_error(const std::filesystem::path& path, int64_t bytes, bool held);

/// Lets every open descriptor of `path` in this process lead to memory from now on, and lifts the limit on
/// file sizes as far as allowed: what a library still writes into the file succeeds and is lost.
void sink_writes(const std::filesystem::path& path);

}  // namespace seqvit::data
