/// Where kept activations wait for backward: in memory, or in a file.
///
/// At long sequences a block computes for minutes on what takes seconds to write and read back; the memory of
/// a training step is then that of one block, whatever the depth.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include <ATen/core/Tensor.h>

namespace seqvit {

using at::Tensor;

/// A file without a name in `directory`, used as a stack: what was kept last is taken first. (In another
/// order, as in a pipeline, room is given back only when everything has been taken.)
class OffloadFile {
 public:
  /// Throws Error(usage) if the directory cannot hold a file.
  explicit OffloadFile(const std::filesystem::path& directory);
  ~OffloadFile();
  OffloadFile(const OffloadFile&) = delete;
  OffloadFile& operator=(const OffloadFile&) = delete;

  /// Writes the memory of t, which must be without gaps, at the end. Throws Error(checkpoint) when the disk
  /// is full.
  int64_t put(const Tensor& t);
  /// Reads what put() wrote at `offset` into `t`.
  void read(int64_t offset, const Tensor& t) const;
  /// The same, and gives the room back if it was the last.
  void take(int64_t offset, const Tensor& t);

  int64_t bytes_written() const { return written_; }

 private:
  std::filesystem::path directory_;
  int file_ = -1;
  int64_t end_ = 0, held_ = 0, written_ = 0;
};

/// A tensor that waits: here, or in the file if there is one. Empty after take().
class Kept {
 public:
  Kept(const Tensor& t, OffloadFile* file);
  Tensor take();
  /// A look at it: it goes on waiting (and if it waits in the file, takes memory only while someone holds the
  /// result).
  Tensor read() const;

 private:
  Tensor here_;
  OffloadFile* file_;
  int64_t offset_ = 0;
  std::vector<int64_t> shape_, strides_;
  at::TensorOptions options_;
};

}  // namespace seqvit
