#include "core/stop.h"

#include <csignal>

#include "core/error.h"

namespace seqvit {
namespace {

// Signals come to the process.
volatile std::sig_atomic_t requested = 0;

void on_signal(int signal) {
  if (requested != 0 && signal == SIGINT) {
    std::signal(SIGINT, SIG_DFL);
    std::raise(SIGINT);
  }
  requested = 1;
}

}  // namespace

void install_stop_handlers() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  std::signal(SIGUSR1, on_signal);
  std::signal(SIGXFSZ, SIG_IGN);
}

void clear_stop_request() {
  requested = 0;
}

bool stop_requested() {
  return requested != 0;
}

void throw_if_stopped() {
  if (stop_requested()) throw Error(Exit::success, "stopped");
}

}  // namespace seqvit
