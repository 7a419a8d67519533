#include "core/file.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <memory>
#include <sstream>
#include <unistd.h>
#include <xxhash.h>

#include <sys/file.h>

#include "core/watch.h"

namespace seqvit {
namespace {

constexpr std::string_view kTemporary = ".tmp";

std::string hex(XXH64_hash_t hash) {
  return fmt::format("{:016x}", hash);
}

[[noreturn]] void fail_errno(Exit code, const std::filesystem::path& path, const char* action) {
  fail(code, "{}: cannot {}: {}", path.string(), action, std::strerror(errno));
}

/// Where a chain of symbolic links ends, whether there is a file or not.
std::filesystem::path target_of(std::filesystem::path path) {
  std::error_code none;
  for (int links = 0; links < 40 && std::filesystem::is_symlink(path, none); ++links)
    path = path.parent_path() / std::filesystem::read_symlink(path, none);
  return path;
}

}  // namespace

std::string checksum(std::span<const std::byte> bytes) {
  return hex(XXH3_64bits(bytes.data(), bytes.size()));
}

Checksum::Checksum() : state_(XXH3_createState()) {
  XXH3_64bits_reset(state_.get());
}

void Checksum::Free::operator()(XXH3_state_s* state) const {
  XXH3_freeState(state);
}

void Checksum::add(std::span<const std::byte> bytes) {
  XXH3_64bits_update(state_.get(), bytes.data(), bytes.size());
}

std::string Checksum::text() const {
  return hex(XXH3_64bits_digest(state_.get()));
}

std::string file_checksum(const std::filesystem::path& path, Exit code,
                          const std::function<void()>& between) {
  std::ifstream in(path, std::ios::binary);
  if (!in) fail_errno(code, path, "read");
  Checksum sum;
  std::vector<char> buffer(1 << 20);
  while (in.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) || in.gcount() > 0) {
    sum.add(std::as_bytes(std::span(buffer).first(static_cast<size_t>(in.gcount()))));
    sign_of_life();
    between();
  }
  if (in.bad()) fail_errno(code, path, "read");
  return sum.text();
}

void drop_from_cache(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
  ::close(descriptor);
}

std::string read_text(const std::filesystem::path& path, Exit code) {
  std::ifstream in(path, std::ios::binary);
  if (!in) fail_errno(code, path, "read");
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

int64_t read_at(int descriptor, std::span<std::byte> out, int64_t offset) {
  int64_t done = 0;
  while (done < std::ssize(out)) {
    const ssize_t got =
        ::pread(descriptor, out.data() + done, out.size() - static_cast<size_t>(done), offset + done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    done += got;
  }
  return done;
}

AtomicFile::AtomicFile(std::filesystem::path path, Exit code)
    : path_(target_of(std::move(path))), code_(code) {
  std::error_code unknown;
  const bool in_place = std::filesystem::is_other(path_, unknown);
  // Processes and threads that write the same file (a shared cache) must not share the temporary one.
  static std::atomic<int> count = 0;
  if (!in_place) temporary_ = fmt::format("{}.{}-{}{}", path_.string(), ::getpid(), ++count, kTemporary);
  descriptor_ = in_place ? ::open(path_.c_str(), O_WRONLY | O_CLOEXEC)
                         : ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor_ < 0) fail_errno(code_, path_, "create");
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_errno(code_, path_, "write");
    bytes = bytes.subspan(static_cast<size_t>(written));
    sign_of_life();
  }
}

void AtomicFile::commit() {
  if (!temporary_.empty() && ::fsync(descriptor_) != 0) fail_errno(code_, path_, "sync");
  const int descriptor = std::exchange(descriptor_, -1);
  if (temporary_.empty()) {
    if (::close(descriptor) != 0) fail_errno(code_, path_, "write");
    return;
  }
  if (::close(descriptor) != 0 || ::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int reason = errno;
    ::unlink(temporary_.c_str());
    errno = reason;
    fail_errno(code_, path_, "write");
  }
}

void remove_temporaries_of(const std::filesystem::path& path) {
  const std::string start = path.filename().string() + ".";
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(path.parent_path(), ignored)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(start) || !name.ends_with(kTemporary)) continue;
    const std::string_view process = std::string_view(name).substr(start.size());
    if (process.find_first_not_of("0123456789-") == process.size() - kTemporary.size())
      std::filesystem::remove(entry.path(), ignored);
  }
}

DirectoryLock::DirectoryLock(const std::filesystem::path& directory, Exit code, const char* why)
    : descriptor_(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (descriptor_ < 0) fail_errno(code, directory, "open");
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
  ::close(descriptor_);
  fail(code, "{}: {}", directory.string(), why);
}

DirectoryLock::~DirectoryLock() {
  ::close(descriptor_);
}

void write_text(const std::filesystem::path& path, std::string_view text, Exit code) {
  AtomicFile file(path, code);
  file.write(text);
  file.commit();
}

void sync_directory(const std::filesystem::path& directory, Exit code) {
  const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) fail_errno(code, directory, "open");
  const int result = ::fsync(descriptor);
  ::close(descriptor);
  if (result != 0) fail_errno(code, directory, "sync");
}

void make_directories(const std::filesystem::path& directory, Exit code) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) fail(code, "{}: cannot create the directory: {}", directory.string(), error.message());
}

}  // namespace seqvit
