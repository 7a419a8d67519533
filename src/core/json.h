/// JSON that other people's bytes go into and come from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace seqvit {

/// `json` on lines indented by `indent`, or on one line for -1. Bytes of names and paths that are not UTF-8
/// become U+FFFD, where nlohmann's own dump throws.
template <typename Json>
std::string json_text(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

/// A size or position: a whole number from 0 that an int64_t holds. Nothing for what else may stand there
/// (-1, 1e300, "12"), which nlohmann would convert somehow.
std::optional<int64_t> count_of(const nlohmann::json& value);
/// A list of them.
std::optional<std::vector<int64_t>> counts_of(const nlohmann::json& list);

}  // namespace seqvit
