// A program whose last rank fails in the way that is asked for, while the others wait for it:
//   failing_rank throw | killed | exits | hangs
// Main does what seqvit's main does. ctest looks at what mpirun prints and returns.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <signal.h>
#include <string>
#include <thread>
#include <unistd.h>

#include "comm/launch.h"
#include "core/error.h"
#include "core/stop.h"
#include "tensors.h"

namespace {

using namespace seqvit;
using namespace seqvit::comm;

void run(Comm& world, const std::string& how) {
  const Tensor x = make<float>(50'000, [](int64_t) { return 1; });
  for (int64_t step = 0; step < 20; ++step) {
    set_comm_step(step);
    if (step == 10 && world.rank() == world.size() - 1) {
      if (how == "throw") fail(Exit::data, "the file is broken");
      if (how == "killed") ::raise(SIGKILL);
      if (how == "exits") std::_Exit(3);
      if (how == "hangs") std::this_thread::sleep_for(std::chrono::seconds(60));
    }
    world.all_reduce(x, "loss").wait();
  }
}

}  // namespace

int main(int, char** argv) {
  install_stop_handlers();
  const Launch launch;
  set_comm_timeout(std::string(argv[1]) == "hangs" ? 1.0 : 60.0);
  try {
    run(launch.world(), argv[1]);
  } catch (const Error& error) {
    std::fprintf(stderr, "seqvit: error: %s [rank %d leaves with %d]\n", error.what(), launch.world().rank(),
                 static_cast<int>(error.code()));
    launch.abort(static_cast<int>(error.code()));
  }
  return 0;
}
