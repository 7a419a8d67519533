#include "core/stop.h"

#include <csignal>

#include <gtest/gtest.h>

namespace seqvit {
namespace {

TEST(Stop, EachSignalAsksForAnOrderlyEnd) {
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) {
    install_stop_handlers();
    clear_stop_request();
    EXPECT_FALSE(stop_requested());
    std::raise(signal);
    EXPECT_TRUE(stop_requested()) << signal;
    clear_stop_request();
    std::signal(signal, SIG_DFL);
  }
}

}  // namespace
}  // namespace seqvit
