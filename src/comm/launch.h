/// How the process was started: alone, or as one of many by mpirun or srun.
///
/// When to use it: one in main(), outside of the try block, before anything else. MPI is initialised only
/// where a launcher has started several processes, so a plain start costs nothing. Ranks other than 0 become
/// quiet (log.h). The loader thread may run beside it: MPI is used by one thread at a time
/// (MPI_THREAD_SERIALIZED).
///
///   Launch launch;
///   try { ... launch.world() ... return 0; }
///   catch (const Error& error) { print it; launch.abort(code) if other ranks may not fail the same way }
///
/// Signals: under a launcher SIGTERM and SIGINT only ask to stop (core/stop.h). When a rank dies, mpirun
/// sends SIGTERM to the others and SIGKILL a second later; in that second whoever waits in a collective sees
/// that the process is gone, throws Error(communication) and so ends with exit code 5. Job schedulers that
/// want an orderly stop need `mpirun --mca odls_base_sigkill_timeout SECONDS`, because mpirun's second is too
/// short to save a checkpoint.
#pragma once

#include <memory>

#include "comm/comm.h"

namespace seqvit {

class Launch {
 public:
  /// Throws Error(communication) if the launcher and MPI disagree on the number of ranks.
  Launch();
  /// Waits for the other ranks; ends the job if one is missing, or while an exception is passing.
  ~Launch();
  Launch(const Launch&) = delete;
  Launch& operator=(const Launch&) = delete;

  Comm& world() const { return *world_; }

  /// Ends this and all other ranks with this exit code, at once: for a rank that fails on its own.
  [[noreturn]] void abort(int code) const;

 private:
  bool mpi_ = false;
  std::unique_ptr<Comm> world_;
};

}  // namespace seqvit
