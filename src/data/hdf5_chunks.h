/// The chunks of a netCDF-4 file as they lie on disk, so that decoding needs no lock.
///
/// HDF5 decodes under a lock of its own, one thread at a time. Here it is only asked where chunks lie (under
/// netcdf_mutex, microseconds a chunk); they are read and inflated by as many threads as there are cores.
/// Files, types and filters that are not understood here stay HDF5's: `read` then says false.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "data/source_file.h"

namespace seqvit::data {

class Hdf5Chunks {
 public:
  /// Opens nothing yet.
  explicit Hdf5Chunks(std::string path);
  ~Hdf5Chunks();
  Hdf5Chunks(const Hdf5Chunks&) = delete;
  Hdf5Chunks& operator=(const Hdf5Chunks&) = delete;

  /// Stored values in native byte order of a chunked variable. False where HDF5 has to do it: a chunk that
  /// was never written (its fill is HDF5's to know), a filter or a type that is none of ours, damage (which
  /// HDF5 then reports). Safe under threads.
  bool read(const FileVariable& variable, std::span<const int64_t> start, std::span<const int64_t> count,
            std::byte* out) const;

 private:
  struct Dataset;
  const Dataset& dataset(const FileVariable& variable) const;  // the caller holds netcdf_mutex

  std::string path_;
  mutable int64_t file_ = -1;  // HDF5's id; made with the first data set
  mutable int descriptor_ = -1;
  mutable bool tried_ = false;
  mutable std::map<int, Dataset> datasets_;  // by the variable's id
};

}  // namespace seqvit::data
