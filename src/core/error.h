/// How seqvit fails: one line that says what is wrong and what to do, and an exit code that scripts can rely
/// on.
///
/// Every failure that a user can cause is thrown as an Error; main() holds the only catch, prints the line
/// and returns the code. `check` is for our own mistakes.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

namespace seqvit {

/// Exit codes of the program; part of its contract with scripts and schedulers.
enum class Exit : int {
  success = 0,
  bug = 1,            ///< a mistake of ours, or `verify` found a difference
  usage = 2,          ///< command line or configuration
  data = 3,           ///< data file missing, truncated, not a grid, wrong units or shape
  checkpoint = 4,     ///< checkpoint missing, incompatible, corrupt, or could not be written
  communication = 5,  ///< a peer was lost or a collective timed out
  not_finite = 6,     ///< loss or gradient is not finite
};

/// `message` as one line of bearable length: what it quotes may hold line ends, terminal codes or a megabyte.
/// Control characters become \xNN, the middle of a long text "...".
std::string one_line(std::string_view message);

class Error : public std::runtime_error {
 public:
  Error(Exit code, std::string_view message) : std::runtime_error(one_line(message)), code_(code) {}
  Exit code() const { return code_; }

 private:
  Exit code_;
};

/// Throws an Error with a formatted message: what, expected, found, what to do.
template <typename... Args>
[[noreturn]] void fail(Exit code, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(code, fmt::format(format, std::forward<Args>(args)...));
}

/// Throws an Error of code `bug` with file and line unless `condition` holds. (The built-ins, as clang 14 has
/// no std::source_location.)
void check(bool condition, std::string_view what, const char* file = __builtin_FILE(),
           int line = __builtin_LINE());

/// The candidate that is closest to `word` by edit distance, or "" when none is near enough to be a typing
/// error.
std::string nearest_name(std::string_view word, const std::vector<std::string>& candidates);

/// "; did you mean 'NAME'?" for the nearest candidate, "" where there is none.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace seqvit
