#include "cli/threads.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <sched.h>
#include <string>
#include <unistd.h>

#include <ATen/Parallel.h>

#include "core/log.h"

namespace seqvit {
namespace {

/// Cores' worth of time that a container may take (cgroup v2: "max 100000", or microseconds a period); no
/// limit: very many.
int cores_of_quota() {
  std::ifstream in("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0.0;
  if (!(in >> quota >> period) || quota == "max" || period <= 0.0) return std::numeric_limits<int>::max();
  return std::max(1, static_cast<int>(std::lround(std::stod(quota) / period)));
}

}  // namespace

int usable_cores() {
  cpu_set_t set;
  const int bound = ::sched_getaffinity(0, sizeof set, &set) == 0
                        ? CPU_COUNT(&set)
                        : static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
  return std::min(bound, cores_of_quota());
}

void warn_if_oversubscribed(const Launch& launch) {
  static bool said = false;
  if (said || launch.world().rank() != 0) return;
  said = true;
  const int ranks = launch.ranks_here(), threads = at::get_num_threads();
  // A launcher that binds gives every rank cores of its own; else all ranks may use the same.
  const int online = std::min(static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN)), cores_of_quota());
  const bool bound = usable_cores() < online;
  const int cores = bound ? usable_cores() : online, sharing = bound ? 1 : ranks;
  if (sharing * threads <= cores) return;
  const std::string fewer = cores / sharing >= 1 && threads > 1
                                ? fmt::format("set OMP_NUM_THREADS={} or start fewer ranks", cores / sharing)
                                : "start fewer ranks";
  log_warn("{} rank{} with {} thread{} each share {} core{} and take turns; {}", sharing,
           sharing == 1 ? "" : "s", threads, threads == 1 ? "" : "s", cores, cores == 1 ? "" : "s", fewer);
}

}  // namespace seqvit
