/// What can be told of a NetCDF file from its first bytes alone: which format it is, and how long it must be.
///
/// netCDF-C reads zeros past the end of a truncated netCDF-3 file without a word, and says only "HDF error"
/// of a truncated netCDF-4 one; here the length that the header promises is compared with the file's. Cost:
/// one read of the header. Source: the NetCDF classic format specification; the HDF5 file format
/// specification 3.0, section II.A.
#pragma once

#include <string>

namespace seqvit {

enum class Container { classic, hdf5 };

/// Throws Error(data): missing, a directory, not NetCDF (naming what it looks like), or shorter than its
/// header says.
Container check_container(const std::string& path);

}  // namespace seqvit
