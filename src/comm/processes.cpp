#include "comm/processes.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <signal.h>
#include <string>
#include <system_error>
#include <unistd.h>

#include <ATen/ops/full.h>

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

int rank_on_machine(Comm& world) {
  if (world.is_phantom()) return 0;
  const int64_t here = this_process().machine;
  const Tensor machines =
      world.all_gather(at::full({1}, here, at::kLong), Counts(world.size(), 1), "machines").wait();
  const auto* first = machines.const_data_ptr<int64_t>();
  return static_cast<int>(std::count(first, first + world.rank(), here));
}

}  // namespace seqvit::comm
