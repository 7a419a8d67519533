/// A watch over what the program is doing: nothing stands still without a limit, and what does is named.
///
/// A collective has a limit of its own and names the ranks that it waits for (comm/comm.h). This one sees
/// what no collective does: a loop that does not end, a file system that does not answer, a library that
/// waits. The program says which phase it is in (start-up, reading, a step, a checkpoint); whatever goes on
/// gives signs of life; where none has come for longer than the limit, the process says in which phase that
/// was and ends with exit code 5, and the launcher ends the others.
///
/// Silence is limited, not the phase itself: a step over a million tokens may take an hour of one core, but
/// not ten minutes without a block of queries done. Time in which the process was stopped (SIGSTOP, Ctrl-Z, a
/// sleeping machine) does not count.
#pragma once

#include <memory>
#include <string>

namespace seqvit {

/// What the program is doing while this lives: "checkpoint". Phases nest. Only those of the thread that
/// started the Watch are named. A sign of life at both ends.
class Phase {
 public:
  explicit Phase(std::string name);
  ~Phase();
  Phase(const Phase&) = delete;
  Phase& operator=(const Phase&) = delete;
};

/// Says that work goes on. Any thread; nanoseconds.
void sign_of_life();

/// Seconds of silence after which the process ends (default 600).
void set_watch_limit(double seconds);

/// Watches while it lives. One a process, on the main thread.
class Watch {
 public:
  Watch();
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  /// Named in the message, once it is known.
  void set_rank(int rank);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace seqvit
