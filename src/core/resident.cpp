#include "core/resident.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <unistd.h>
#include <utility>

#include <sys/resource.h>

namespace seqvit {

namespace {

/// proc(5): addresses taken and memory resident, in pages.
std::pair<int64_t, int64_t> pages() {
  std::ifstream in("/proc/self/statm");
  int64_t total = 0, resident = 0;
  in >> total >> resident;
  return {total, resident};
}

/// The least of the memory limits of this process's control groups (cgroup v2: "0::/job/step" below
/// /sys/fs/cgroup); the largest int64 without one.
int64_t group_limit() {
  int64_t least = std::numeric_limits<int64_t>::max();
  std::ifstream in("/proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("0::/")) continue;
    const std::filesystem::path root = "/sys/fs/cgroup";
    for (std::filesystem::path group = root / line.substr(4);; group = group.parent_path()) {
      int64_t limit = 0;
      if (std::ifstream(group / "memory.max") >> limit) least = std::min(least, limit);
      if (group == root || !group.has_relative_path()) break;
    }
  }
  return least;
}

}  // namespace

int64_t resident_bytes() {
  return pages().second * ::sysconf(_SC_PAGESIZE);
}

int64_t peak_resident_bytes() {
  // Not getrusage's ru_maxrss, which begins at what the parent held when it made this process.
  std::ifstream in("/proc/self/status");
  const std::string name = "VmHWM:";
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(name)) return std::stoll(line.substr(name.size())) * 1024;
  }
  return 0;
}

bool reset_peak_resident_bytes() {
  std::ofstream out("/proc/self/clear_refs");
  out << 5 << std::flush;  // proc(5)
  return out.good();
}

int64_t memory_bytes() {
  return std::min(::sysconf(_SC_PHYS_PAGES) * ::sysconf(_SC_PAGESIZE), group_limit());
}

int64_t free_address_bytes() {
  constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur >= static_cast<rlim_t>(kNoLimit)) return kNoLimit;
  return std::max<int64_t>(static_cast<int64_t>(limit.rlim_cur) - pages().first * ::sysconf(_SC_PAGESIZE), 0);
}

}  // namespace seqvit
