/// File names from paths and patterns.
#pragma once

#include <string>
#include <vector>

namespace seqvit::data {

/// Paths in the order given, a pattern (*, ?, [..], ~) replaced by the sorted files that it matches, each
/// file once. Throws Error(data) where a pattern matches nothing or there is no file at all.
std::vector<std::string> expand_paths(const std::vector<std::string>& patterns);

}  // namespace seqvit::data
