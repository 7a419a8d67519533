#include "ops/offload.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <span>
#include <string>
#include <unistd.h>
#include <utility>

#include <ATen/ops/empty_strided.h>

#include "core/error.h"
#include "core/file.h"

namespace seqvit::ops {

OffloadFile::OffloadFile(const std::filesystem::path& directory) : directory_(directory) {
  std::string name = directory / "seqvit-offload-XXXXXX";
  file_ = ::mkstemp(name.data());
  if (file_ < 0) {
    fail(Exit::usage, "memory.offload_directory: {}: {}; name a directory on a disk with room",
         directory.string(), std::strerror(errno));
  }
  ::unlink(name.c_str());  // gone with the process, however it ends
}

OffloadFile::~OffloadFile() {
  ::close(file_);
}

int64_t OffloadFile::put(const Tensor& t) {
  check(t.is_non_overlapping_and_dense(), "only whole tensors can wait in a file");
  const auto* bytes = static_cast<const char*>(t.const_data_ptr());
  const auto size = static_cast<int64_t>(t.nbytes()), offset = end_;
  for (int64_t done = 0; done < size;) {
    const ssize_t n = ::pwrite(file_, bytes + done, static_cast<size_t>(size - done), offset + done);
    if (n <= 0) {
      fail(Exit::checkpoint, "{}: writing kept activations: {}; free room or set memory.offload: none",
           directory_.string(), std::strerror(errno));
    }
    done += n;
  }
  // Written data need not stay in the page cache, where they would take the memory that is to be saved.
  ::sync_file_range(file_, offset, size, SYNC_FILE_RANGE_WRITE);
  end_ += size, written_ += size, held_ += size;
  return offset;
}

void OffloadFile::read(int64_t offset, const Tensor& t) const {
  const std::span bytes(static_cast<std::byte*>(t.mutable_data_ptr()), t.nbytes());
  const int64_t got = read_at(file_, bytes, offset);
  if (got < std::ssize(bytes)) {
    fail(Exit::checkpoint, "{}: reading kept activations back: {}", directory_.string(),
         got < 0 ? std::strerror(errno) : "the file is too short");
  }
}

void OffloadFile::drop(int64_t offset, int64_t bytes) {
  ::posix_fadvise(file_, offset, bytes, POSIX_FADV_DONTNEED);
  held_ -= bytes;
  if (offset + bytes == end_) end_ = offset;
  if (held_ == 0) end_ = 0;
}

int64_t HostStore::put(const Tensor& t) {
  check(t.is_non_overlapping_and_dense(), "only whole tensors can wait elsewhere");
  const auto host = t.options().device(c10::kCPU).pinned_memory(!t.is_cpu());
  const Tensor copy = at::empty_strided(t.sizes(), t.strides(), host);
  copy.copy_(t, /*non_blocking=*/true);
  waiting_.emplace(next_, copy);
  return next_++;
}

void HostStore::read(int64_t key, const Tensor& t) const {
  t.copy_(waiting_.at(key), /*non_blocking=*/true);
}

void HostStore::drop(int64_t key, int64_t /*bytes*/) {
  waiting_.erase(key);  // libtorch's allocator of pinned memory waits for the copy before it gives this away
}

Kept::Kept(const Tensor& t, ActivationStore* store) : store_(store), options_(t.options()) {
  if (store_ == nullptr) {
    here_ = t;
    return;
  }
  // As it lies in memory: no copy on the way out, and none for who expects it to lie so on the way back.
  const Tensor whole = t.is_non_overlapping_and_dense() ? t : t.contiguous();
  shape_ = whole.sizes().vec(), strides_ = whole.strides().vec();
  bytes_ = static_cast<int64_t>(whole.nbytes());
  key_ = store_->put(whole);
}

Tensor Kept::read() const {
  if (store_ == nullptr) return here_;
  const Tensor t = at::empty_strided(shape_, strides_, options_);
  store_->read(key_, t);
  return t;
}

Tensor Kept::take() {
  Tensor t = read();
  drop();
  return t;
}

void Kept::drop() {
  here_.reset();
  if (store_ != nullptr) store_->drop(key_, bytes_);
}

}  // namespace seqvit::ops
