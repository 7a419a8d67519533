/// The safetensors file format: an 8-byte little-endian length, a JSON header, raw row-major data. Readable
/// in Python with the `safetensors` package.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/partition.h"
#include "core/tensor.h"

namespace seqvit::train {

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

/// What a file says beside its tensors.
using Metadata = std::map<std::string, std::string>;

/// Writes named tensors, of any device, as one file, atomically. Returns the checksum (core/file.h) of what
/// was handed to the system: of the bytes as they were meant. Throws Error(checkpoint).
std::string write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                              const Metadata& metadata = {});

class SafetensorsFile {
 public:
  /// Reads and checks the header. Throws Error(checkpoint): missing, truncated, not safetensors.
  explicit SafetensorsFile(std::filesystem::path path);

  struct Entry {
    at::ScalarType dtype;
    std::vector<int64_t> shape;
    int64_t begin, end;  ///< bytes in the file
  };
  const std::map<std::string, Entry>& entries() const { return entries_; }
  const Metadata& metadata() const { return metadata_; }
  /// Elements [range.begin, range.end) of a tensor, flattened.
  Tensor read(const std::string& name, Range range) const;
  /// A whole tensor in its shape.
  Tensor read(const std::string& name) const;

 private:
  std::filesystem::path path_;
  std::map<std::string, Entry> entries_;
  Metadata metadata_;

  const Entry& entry(const std::string& name) const;
};

}  // namespace seqvit::train
