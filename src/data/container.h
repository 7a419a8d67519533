/// What can be told of a NetCDF file from its first bytes alone: which format it is, and how long it must be.
///
/// netCDF-C reads zeros past the end of a truncated netCDF-3 file without a word, and says only "HDF error"
/// of a truncated netCDF-4 one; here the length that the header promises is compared with the file's. Cost:
/// one read of the header. Source: the NetCDF classic format specification; the HDF5 file format
/// specification 3.0, section II.A.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>

namespace seqvit::data {

enum class ContainerFormat { classic, hdf5 };

struct Container {
  ContainerFormat format = ContainerFormat::classic;
  int64_t bytes = 0;  ///< of the file
  /// How many records the file holds, where a classic header leaves that open (all bits of its number of
  /// records are set: "streaming", as of a writer that did not come to its end). netCDF-C takes the mark for
  /// a number.
  std::optional<int64_t> records = {};
};

/// Throws Error(data): missing, a directory, not NetCDF (naming what it looks like), shorter than its header
/// says, or a classic header larger than any that is written (64 MiB; 32,768 dimensions, variables or
/// attributes in a list). So no size that a classic header names exceeds that of the file.
Container check_container(const std::string& path);

/// The same for the bytes of a file, `size` of them; `name` stands for its path.
Container check_container(const std::string& name, std::istream& in, int64_t size);

}  // namespace seqvit::data
