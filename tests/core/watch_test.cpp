#include "core/watch.h"

#include <chrono>
#include <csignal>
#include <thread>

#include <gtest/gtest.h>

#include "core/clock.h"
#include "core/stop.h"

namespace seqvit {
namespace {

using std::chrono::milliseconds;

void stand_still() {
  for (;;)
    std::this_thread::sleep_for(milliseconds(50));
}

/// Each in a process of its own, which it ends.
class WatchDeathTest : public testing::Test {
 protected:
  WatchDeathTest() { testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};

TEST_F(WatchDeathTest, EndsWhatStandsStillAndSaysWhereAndWho) {
  const auto body = [] {
    Watch watch;
    watch.set_rank(3);
    set_watch_limit(0.4);
    const Phase train("train");
    { const Phase over("reading"); }
    const Phase phase("start-up");
    stand_still();
  };
  EXPECT_EXIT(body(), testing::ExitedWithCode(5),
              "error: rank 3: no sign of life for 0\\.[0-9]+ s in 'train: start-up'");
}

TEST_F(WatchDeathTest, BeforeAnyPhaseToo) {
  const auto body = [] {
    const Watch watch;
    set_watch_limit(0.3);
    stand_still();
  };
  EXPECT_EXIT(body(), testing::ExitedWithCode(5), "error: no sign of life .* in 'start'");
}

TEST_F(WatchDeathTest, SignsOfAnyThreadKeepItQuiet) {
  const auto body = [] {
    const Watch watch;
    set_watch_limit(1.0);
    const Phase phase("step 1");
    std::jthread worker([](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        sign_of_life();
        std::this_thread::sleep_for(milliseconds(20));
      }
    });
    std::this_thread::sleep_for(milliseconds(2500));
    std::_Exit(0);
  };
  EXPECT_EXIT(body(), testing::ExitedWithCode(0), "^$");
}

TEST_F(WatchDeathTest, AskedToStopItSaysWhereItStands) {
  const auto body = [] {
    install_stop_handlers();
    const Watch watch;
    set_watch_limit(2.0);
    const Phase phase("checkpoint");
    std::this_thread::sleep_for(milliseconds(1500));
    std::raise(SIGTERM);
    stand_still();
  };
  EXPECT_EXIT(body(), testing::ExitedWithCode(5),
              "asked to stop after 1\\.[0-9]+ s without a sign of life in 'checkpoint'");
}

TEST_F(WatchDeathTest, ThreadsThatAreNotWatchedNameNoPhase) {
  const auto body = [] {
    const Watch watch;
    set_watch_limit(0.4);
    const Phase phase("here");
    std::jthread([] {
      const Phase other("elsewhere");
      stand_still();
    }).detach();
    stand_still();
  };
  EXPECT_EXIT(body(), testing::ExitedWithCode(5), "in 'here'");
}

}  // namespace
}  // namespace seqvit
