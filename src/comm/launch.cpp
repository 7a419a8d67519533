#include "comm/launch.h"

#include <cstdio>
#include <cstdlib>
#include <exception>

#include "comm/mpi.h"
#include "comm/mpi_comm.h"
#include "core/error.h"
#include "core/log.h"

namespace seqvit::comm {
namespace {

constexpr int unknown = 0;

/// Number of processes that a launcher says it has started, `unknown` if it does not say, 1 without a
/// launcher.
int launched_processes() {
  // Not SLURM_NTASKS: that is also set for a plain process in a batch script.
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS"})
    if (const char* value = std::getenv(name)) return std::atoi(value);
  return std::getenv("PMIX_RANK") ? unknown : 1;
}

}  // namespace

Launch::Launch() {
  const int processes = launched_processes();
  if (processes == 1) {
    world_ = make_self_comm();
    return;
  }
  world_ = make_mpi_world();
  mpi_ = true;
  set_quiet(world_->rank() != 0);
  if (processes != unknown && processes != world_->size())
    fail(Exit::communication,
         "communication: {} processes were started, but MPI sees {}; use the mpirun of the MPI that seqvit "
         "was built with, or `srun --mpi=pmix`",
         processes, world_->size());
}

Launch::~Launch() {
  if (!mpi_) return;
  if (std::uncaught_exceptions() > 0 && world_->size() > 1) {
    std::fprintf(stderr, "seqvit: error: rank %d ends the job because of an exception\n", world_->rank());
    abort(static_cast<int>(Exit::bug));
  }
  try {
    // MPI_Finalize waits without a limit, and need not wait at all: then the first to leave would look like a
    // lost rank.
    world_->barrier("end");
  } catch (const Error& error) {
    std::fprintf(stderr, "seqvit: error: %s\n", error.what());
    abort(static_cast<int>(error.code()));
  }
  world_.reset();
  leave_mpi();
}

int Launch::ranks_here() const {
  return mpi_ ? mpi_ranks_here() : 1;
}

void Launch::abort(int code) const {
  std::fflush(nullptr);
  if (mpi_) abort_mpi(code);
  std::_Exit(code);
}

}  // namespace seqvit::comm
