#include "core/error.h"

#include <algorithm>
#include <numeric>

namespace seqvit {

std::string one_line(std::string_view message) {
  constexpr size_t kHead = 1500, kTail = 400;
  std::string line;
  const auto add = [&](std::string_view text) {
    for (const char c : text) {
      const bool control = (c >= 0 && c < ' ') || c == '\x7F';
      line += control ? fmt::format("\\x{:02x}", static_cast<int>(c)) : std::string(1, c);
    }
  };
  const bool whole = message.size() <= kHead + kTail;
  add(message.substr(0, whole ? message.size() : kHead));
  if (!whole) line += " ... ", add(message.substr(message.size() - kTail));
  return line;
}

void check(bool condition, std::string_view what, const char* file, int line) {
  if (!condition) fail(Exit::bug, "internal error: {} ({}:{})", what, file, line);
}

namespace {

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t substituted = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = std::exchange(row[j + 1], std::min({substituted, row[j] + 1, row[j + 1] + 1}));
    }
  }
  return row.back();
}

}  // namespace

std::string nearest_name(std::string_view word, const std::vector<std::string>& candidates) {
  std::string best;
  size_t best_distance = std::max<size_t>(2, word.size() / 2) + 1;
  for (const std::string& candidate : candidates) {
    const size_t longer = std::max(word.size(), candidate.size());
    const size_t at_least = longer - std::min(word.size(), candidate.size());
    if (at_least >= best_distance) continue;  // a megabyte would take its time
    const size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string name = nearest_name(word, candidates);
  return name.empty() ? "" : fmt::format("; did you mean '{}'?", name);
}

}  // namespace seqvit
