#include "data/file_stamp.h"

#include <sys/stat.h>

#include "core/error.h"

namespace seqvit::data {

FileStamp stamp_of(const std::string& path) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0) return {};
  return {file.st_size, int64_t{file.st_mtim.tv_sec} * 1'000'000'000 + file.st_mtim.tv_nsec};
}

void check_unchanged(const std::string& path, const FileStamp& before, const FileStamp& now) {
  if (now == before) return;
  std::string found = "written to or replaced";
  if (now.bytes < before.bytes) found = fmt::format("cut from {} bytes to {}", before.bytes, now.bytes);
  if (now.bytes < 0) found = "gone";
  fail(
      Exit::data,
      "{}: expected the file as it was when the program opened it, found it {}; start again when it is whole",
      path, found);
}

}  // namespace seqvit::data
