/// Where kept activations wait for backward: where they are, in a file, or of a GPU in the host's memory.
///
/// At long sequences a block computes for minutes on what takes seconds to write and read back; the memory of
/// a training step is then that of one block, whatever the depth.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <vector>

#include "core/tensor.h"

namespace seqvit::ops {

/// Holds tensors without gaps outside the memory that a step is short of.
class ActivationStore {
 public:
  ActivationStore() = default;
  virtual ~ActivationStore() = default;
  ActivationStore(const ActivationStore&) = delete;
  ActivationStore& operator=(const ActivationStore&) = delete;

  /// Keeps what t holds; the result finds it again.
  virtual int64_t put(const Tensor& t) = 0;
  /// Copies what put() kept into `t`, which has the shape and strides it had.
  virtual void read(int64_t key, const Tensor& t) const = 0;
  /// Gives the room of what put() kept back, `bytes`.
  virtual void drop(int64_t key, int64_t bytes) = 0;
};

/// A file without a name in `directory`, used as a stack: what was kept last is taken first. (In another
/// order, as in a pipeline, room is given back only when everything has been taken.)
class OffloadFile : public ActivationStore {
 public:
  /// Throws Error(usage) if the directory cannot hold a file.
  explicit OffloadFile(const std::filesystem::path& directory);
  ~OffloadFile() override;

  /// Writes at the end. Throws Error(checkpoint) when the disk is full.
  int64_t put(const Tensor& t) override;
  void read(int64_t offset, const Tensor& t) const override;
  void drop(int64_t offset, int64_t bytes) override;

  int64_t bytes_written() const { return written_; }

 private:
  std::filesystem::path directory_;
  int file_ = -1;
  int64_t end_ = 0, held_ = 0, written_ = 0;
};

/// Memory of the host, pinned where the tensors lie on a GPU. Copies follow the stream that computes: one
/// block computes for so much longer than its tensors take over the bus that a stream of their own would gain
/// nothing (at 1M tokens and width 768 about 0.1 s against 10 s), and nothing needs an event.
class HostStore : public ActivationStore {
 public:
  int64_t put(const Tensor& t) override;
  void read(int64_t key, const Tensor& t) const override;
  void drop(int64_t key, int64_t bytes) override;

  /// Tensors that wait.
  int64_t size() const { return static_cast<int64_t>(waiting_.size()); }

 private:
  std::map<int64_t, Tensor> waiting_;
  int64_t next_ = 0;
};

/// A tensor that waits: here, or in the store if there is one. Empty after take() or drop().
class Kept {
 public:
  Kept(const Tensor& t, ActivationStore* store);
  Tensor take();
  void drop();
  /// A look at it: it goes on waiting (and if it waits in the store, takes memory only while someone holds
  /// the result).
  Tensor read() const;

 private:
  Tensor here_;
  ActivationStore* store_;
  int64_t key_ = 0, bytes_ = 0;
  std::vector<int64_t> shape_, strides_;
  at::TensorOptions options_;
};

}  // namespace seqvit::ops
