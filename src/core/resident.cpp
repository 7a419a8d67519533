#include "core/resident.h"

#include <fstream>
#include <string>
#include <unistd.h>

namespace seqvit {

int64_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  int64_t total = 0, resident = 0;
  in >> total >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
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

}  // namespace seqvit
