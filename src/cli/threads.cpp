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

namespace seqvit::cli {
namespace {

/// Cores' worth of time that a container may take (cgroup v2: "max 100000", or microseconds a period); no
/// limit: very many.
int cores_of_quota() {
  std::ifstream in("/sys/fs/cgroup/cpu.max");
  double quota = 0.0, period = 0.0;
  if (!(in >> quota >> period) || period <= 0.0) return std::numeric_limits<int>::max();
  return std::max(1, static_cast<int>(std::lround(quota / period)));
}

int online_cores() {
  return static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
}

/// Cores that this process is bound to.
int bound_cores() {
  cpu_set_t set;
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : online_cores();
}

}  // namespace

void warn_if_oversubscribed(const comm::Launch& launch) {
  static bool said = false;
  if (said || launch.world().rank() != 0) return;
  said = true;
  const int ranks = launch.ranks_here(), threads = at::get_num_threads(), quota = cores_of_quota();
  const int online = std::min(online_cores(), quota), own = std::min(bound_cores(), quota);
  // A launcher that binds gives every rank cores of its own; else all ranks may use the same.
  const int sharing = own < online ? 1 : ranks;
  if (sharing * threads <= own) return;
  const std::string fewer = own / sharing >= 1 && threads > 1
                                ? fmt::format("set OMP_NUM_THREADS={} or start fewer ranks", own / sharing)
                                : "start fewer ranks";
  log_warn("{} rank{} with {} thread{} each share {} core{} and take turns; {}", sharing,
           sharing == 1 ? "" : "s", threads, threads == 1 ? "" : "s", own, own == 1 ? "" : "s", fewer);
}

}  // namespace seqvit::cli
