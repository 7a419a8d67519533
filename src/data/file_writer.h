/// Writing a file of fields that is either whole or absent, whatever its format.
///
/// First dimensions, variables and attributes, then `end_definitions`, then values, a field at a time. It
/// gets its name at `commit`; without that nothing is left. Every failure throws Error(data) with path and
/// reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/unpack.h"

namespace seqvit::data {

class FileWriter {
 public:
  /// The variable number that stands for the file in `put`.
  static constexpr int kFile = -1;

  FileWriter() = default;
  virtual ~FileWriter() = default;
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  /// The number of a new dimension or variable.
  virtual int define_dim(const std::string& name, int64_t size) = 0;
  virtual int define_coordinate(const std::string& name, const std::vector<int>& dims) = 0;  ///< float64
  /// float32, NaN where nothing is written, compressed in chunks of this shape.
  virtual int define_field(const std::string& name, const std::vector<int>& dims,
                           const std::vector<size_t>& chunk) = 0;
  virtual void put(int variable, const std::string& name, const Attribute& value) = 0;
  virtual void end_definitions() = 0;

  /// All values of a coordinate.
  virtual void write(int variable, std::span<const double> values) = 0;
  /// A hyperslab of a field.
  virtual void write(int variable, std::span<const size_t> start, std::span<const size_t> count,
                     std::span<const float> values) = 0;
  virtual void commit() = 0;
};

/// A Zarr store where the path ends in ".zarr", else a NetCDF-4 file. `bytes` of data at most, as they are
/// before compression; `what` completes "cannot write ...".
std::unique_ptr<FileWriter> make_file_writer(const std::filesystem::path& path, const std::string& what,
                                             int64_t bytes);

}  // namespace seqvit::data
