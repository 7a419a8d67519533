#include "plan/reasons.h"

#include <algorithm>
#include <cctype>

#include <fmt/core.h>

namespace seqvit::plan {
namespace {

/// Every number as N, so that messages of one reason are the same.
std::string without_numbers(const std::string& message) {
  std::string text;
  for (const char each : message) {
    const bool digit = std::isdigit(static_cast<unsigned char>(each)) != 0;
    if (!digit) text += each;
    if (digit && (text.empty() || text.back() != 'N')) text += 'N';
  }
  return text;
}

}  // namespace

void Reasons::add(const std::string& message, const ParallelConfig& layout, double distance) {
  add(
      without_numbers(message), [&] { return message; }, layout, distance);
}

void Reasons::add(const std::string& reason, const std::function<std::string()>& message,
                  const ParallelConfig& layout, double distance) {
  const auto [entry, added] = by_reason_.try_emplace(reason);
  Nearest& nearest = entry->second;
  ++nearest.rejected.count;
  if (!added && distance >= nearest.distance) return;
  nearest.distance = distance;
  nearest.rejected = {reason, nearest.rejected.count, message(), describe(layout)};
}

std::vector<Rejected> Reasons::sorted() const {
  std::vector<Rejected> all;
  for (const auto& [reason, nearest] : by_reason_)
    all.push_back(nearest.rejected);
  std::stable_sort(all.begin(), all.end(),
                   [](const Rejected& a, const Rejected& b) { return a.count > b.count; });
  return all;
}

std::string describe(const ParallelConfig& p) {
  std::string text = fmt::format("pp {} x dp {} x sp {} x tp {}", p.pp, p.dp, p.sp, p.tp);
  if (p.sp > 1) text += fmt::format(", {}", to_string(p.sequence));
  if (p.sp > 1 && p.sequence == Sequence::hybrid) text += fmt::format(" with ulysses {}", p.ulysses);
  return text;
}

}  // namespace seqvit::plan
