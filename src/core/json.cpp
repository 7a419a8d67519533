#include "core/json.h"

#include <limits>

namespace seqvit {

std::optional<int64_t> count_of(const nlohmann::json& value) {
  if (!value.is_number_unsigned()) return std::nullopt;
  const auto number = value.get<uint64_t>();
  if (number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
  return static_cast<int64_t>(number);
}

std::optional<std::vector<int64_t>> counts_of(const nlohmann::json& list) {
  if (!list.is_array()) return std::nullopt;
  std::vector<int64_t> counts;
  for (const nlohmann::json& item : list) {
    const std::optional<int64_t> count = count_of(item);
    if (!count) return std::nullopt;
    counts.push_back(*count);
  }
  return counts;
}

}  // namespace seqvit
