/// How the process was started: alone, or as one of many by mpirun or srun.
///
/// When to use it: one in main(), before anything else. MPI is initialised only
/// where a launcher has started several processes, so a plain start costs nothing. Ranks other than 0 become
/// quiet (log.h). The loader thread may run beside it: MPI is used by one thread at a time
/// (MPI_THREAD_SERIALIZED).
///
///   Launch launch;
///   try { ... launch.world() ... return 0; }
///   catch (const Error& error) { print it; launch.abort(code) if other ranks may not fail the same way }
///
/// When a rank is killed (measured, Open MPI 4.1.4): its mpirun sends SIGTERM to the others after one second
/// and SIGKILL after another. Before that, whoever waits in a collective sees that the process is gone,
/// throws Error(communication), and with `abort` ends with exit code 5; the job ends within 4 s. (mpirun
/// itself returns the code of the rank that failed first: 137 for a killed one.) Over TCP, MPI stands still
/// until the SIGTERM, so main() must have called install_stop_handlers (core/stop.h) to survive it. A rank on
/// another machine is only missed after the time-out, unless mpirun's signals come first. A SIGTERM to mpirun
/// does the same, so an orderly stop needs more time than its second: `mpirun --mca odls_base_sigkill_timeout
/// SECONDS`, waited for twice: before SIGTERM and before SIGKILL.
#pragma once

#include <memory>

#include "comm/comm.h"

namespace seqvit::comm {

class Launch {
 public:
  /// Throws Error(communication) if the launcher and MPI disagree on the number of ranks.
  Launch();
  /// Waits for the other ranks; ends the job if one is missing, or while an exception is passing.
  ~Launch();
  Launch(const Launch&) = delete;
  Launch& operator=(const Launch&) = delete;

  Comm& world() const { return *world_; }
  /// On this machine, this one among them.
  int ranks_here() const;

  /// Ends this and all other ranks with this exit code, at once: for a rank that fails on its own.
  [[noreturn]] void abort(int code) const;

 private:
  bool mpi_ = false;
  std::unique_ptr<Comm> world_;
};

}  // namespace seqvit::comm
