/// A way out for libraries that cannot cope with a full disk.
#pragma once

#include <filesystem>

namespace seqvit {

/// Lets every open descriptor of `path` in this process lead to memory from now on, and lifts the limit on
/// file sizes as far as allowed, so that what a library still has to write into the file succeeds and is
/// lost. HDF5 1.10 cannot close a file that it failed to write: netCDF-C then crashes in nc_close, nc_abort
/// or at the end of the process.
void sink_writes(const std::filesystem::path& path);

}  // namespace seqvit
