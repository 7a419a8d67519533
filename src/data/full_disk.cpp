#include "data/full_disk.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

namespace seqvit::data {

int room_error(const std::filesystem::path& path, int64_t bytes) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor < 0) return errno;
  const int reason = ::posix_fallocate(descriptor, 0, bytes);
  ::close(descriptor);
  ::unlink(path.c_str());
  return reason == EOPNOTSUPP || reason == EINVAL ? 0 : reason;
}

bool hold_room(const std::filesystem::path& path, int64_t bytes) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  const bool held = ::fallocate(descriptor, FALLOC_FL_KEEP_SIZE, 0, bytes) == 0;
  ::close(descriptor);
  return held;
}

int growth_error(const std::filesystem::path& path, int64_t bytes, bool held) {
  struct stat file {};
  rlimit limit{};
  if (::stat(path.c_str(), &file) != 0) return errno;
  if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
      static_cast<rlim_t>(file.st_size + bytes) > limit.rlim_cur) {
    return EFBIG;
  }
  struct statvfs disk {};
  if (held || ::statvfs(path.c_str(), &disk) != 0) return 0;
  return static_cast<uint64_t>(disk.f_bavail) * disk.f_frsize < static_cast<uint64_t>(bytes) ? ENOSPC : 0;
}

void sink_writes(const std::filesystem::path& path) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0) return;
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
    const int descriptor = std::atoi(entry.path().filename().c_str());
    struct stat open_file {};
    if (::fstat(descriptor, &open_file) != 0) continue;
    if (open_file.st_dev != file.st_dev || open_file.st_ino != file.st_ino) continue;
    const int memory = ::memfd_create("seqvit-sink", MFD_CLOEXEC);
    if (memory < 0) return;
    // Holes take no memory; the old end of the file is kept for checks of its length.
    if (::ftruncate(memory, open_file.st_size) == 0) ::dup3(memory, descriptor, O_CLOEXEC);
    ::close(memory);
  }
}

}  // namespace seqvit::data
