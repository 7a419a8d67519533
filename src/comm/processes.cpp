#include "comm/processes.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <signal.h>
#include <string>
#include <system_error>
#include <unistd.h>

#include "core/random.h"

namespace seqvit::comm {

ProcessId this_process() {
  // Equal host names are common in clouds, so the boot counts too.
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  std::string boot;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
  std::error_code ignored;
  const std::string space = std::filesystem::read_symlink("/proc/self/ns/pid", ignored).string();
  return {static_cast<int64_t>(random_key(0, std::string(host) + boot + space)), ::getpid()};
}

std::vector<int> ended_processes(const std::vector<ProcessId>& all) {
  static const int64_t here = this_process().machine;
  std::vector<int> ended;
  for (size_t r = 0; r < all.size(); ++r) {
    if (all[r].machine != here) continue;
    if (::kill(static_cast<pid_t>(all[r].pid), 0) != 0 && errno == ESRCH)
      ended.push_back(static_cast<int>(r));
  }
  return ended;
}

}  // namespace seqvit::comm
