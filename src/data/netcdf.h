/// Reading NetCDF files (netCDF-3 of all versions, netCDF-4) through netCDF-C, which stands in netcdf.cpp and
/// netcdf_header.cpp only.
///
/// Variables and dims of a netCDF-4 group are named "/group/name"; its variables see the dims of the groups
/// around it. netCDF-C and HDF5 are not safe under threads, so every call takes one lock; it is held for one
/// hyperslab at a time. Compressed chunks are decoded outside of it (hdf5_chunks.h). A netCDF-3 file that is
/// shorter than its header says reads as zeros in netCDF-C, so its size is compared on open, and after each
/// read the file must be the one that was opened.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "data/container.h"
#include "data/hdf5_chunks.h"
#include "data/source_file.h"

namespace seqvit::data {

/// The lock that every call of netCDF-C takes, a writer's too. Asking for it also keeps HDF5 from printing
/// its own errors on the thread that asks.
std::mutex& netcdf_mutex();

/// Where netCDF-C knows a variable: its group, and its number there.
struct NetcdfId {
  int group = -1, variable = -1;
};

class NetcdfFile final : public SourceFile {
 public:
  /// Opens and reads the header. Throws Error(data): missing, not NetCDF, truncated.
  explicit NetcdfFile(const std::string& path);
  /// The same from the bytes of a file; `name` stands for its path.
  static NetcdfFile from_memory(const std::string& name, std::string bytes);
  ~NetcdfFile() override;
  NetcdfFile(NetcdfFile&&) noexcept;
  NetcdfFile& operator=(NetcdfFile&&) = delete;

 private:
  NetcdfFile(std::string name, std::unique_ptr<std::string> bytes);
  void read_header(int status);
  void read_stored(const FileVariable& variable, std::span<const int64_t> start,
                   std::span<const int64_t> count, std::byte* out) const override;

  Container container_;
  std::unique_ptr<std::string> bytes_in_memory_;  // of a file in memory, for as long as it is open
  int id_ = -1;
  std::vector<NetcdfId> ids_;           // of each variable
  std::unique_ptr<Hdf5Chunks> chunks_;  // of a netCDF-4 file on disk
};

}  // namespace seqvit::data
