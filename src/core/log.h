/// What the program tells a person, on standard error. Results go to standard output, elsewhere.
#pragma once

#include <string_view>
#include <utility>

#include <fmt/core.h>

namespace seqvit {

/// Ranks other than 0 call this once and stay silent.
void set_quiet(bool quiet);

/// One plain line.
void log_line(std::string_view text);
/// One line that starts with "seqvit: warning: ".
void log_warning(std::string_view text);

template <typename... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_line(fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void log_warn(fmt::format_string<Args...> format, Args&&... args) {
  log_warning(fmt::format(format, std::forward<Args>(args)...));
}

/// A line that is drawn over on a terminal; in a log file a new line every `plain_seconds`. Anything longer
/// than two seconds should show one.
class Progress {
 public:
  explicit Progress(double plain_seconds = 10.0);
  ~Progress();  ///< leaves the terminal on a fresh line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Whether a line given to `show` now would appear (so that callers need not format it).
  bool due() const;
  void show(std::string_view line);

 private:
  double plain_seconds_;
  double last_shown_;
};

/// "1 h 02 min", "3 min 20 s", "12 s".
std::string format_duration(double seconds);

}  // namespace seqvit
