#include "core/log.h"

#include <cmath>
#include <cstdio>
#include <string>
#include <unistd.h>

#include "core/clock.h"
#include "core/watch.h"

namespace seqvit {
namespace {

// Of the process: it has one terminal.
bool quiet = false;
size_t drawn_width = 0;  // of the progress line that stands on the terminal now

bool on_terminal() {
  static const bool terminal = ::isatty(STDERR_FILENO) == 1;
  return terminal;
}

void clear_progress() {
  if (drawn_width == 0) return;
  fmt::print(stderr, "\r{:{}}\r", "", drawn_width);
  drawn_width = 0;
}

}  // namespace

void set_quiet(bool value) {
  quiet = value;
}

void log_line(std::string_view text) {
  if (quiet) return;
  clear_progress();
  fmt::print(stderr, "{}\n", text);
}

void log_warning(std::string_view text) {
  log_line(fmt::format("seqvit: warning: {}", text));
}

Progress::Progress(double plain_seconds) : plain_seconds_(plain_seconds), last_shown_(seconds_now()) {}

Progress::~Progress() {
  clear_progress();
}

bool Progress::due() const {
  sign_of_life();
  return !quiet && seconds_now() - last_shown_ >= (on_terminal() ? 0.2 : plain_seconds_);
}

void Progress::show(std::string_view line) {
  if (!due()) return;
  last_shown_ = seconds_now();
  if (!on_terminal()) {
    fmt::print(stderr, "{}\n", line);
    return;
  }
  fmt::print(stderr, "\r{:{}}", line, drawn_width);
  std::fflush(stderr);
  drawn_width = line.size();
}

std::string format_duration(double seconds) {
  const auto s = static_cast<long>(std::lround(seconds));
  if (s >= 3600) return fmt::format("{} h {:02} min", s / 3600, s / 60 % 60);
  if (s >= 60) return fmt::format("{} min {:02} s", s / 60, s % 60);
  return fmt::format("{} s", s);
}

}  // namespace seqvit
