/// index.json of a checkpoint: where the run stands, and which file has which piece of which weight.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "train/progression.h"

namespace seqvit::train {

/// Of what write_shard() returned on each rank.
nlohmann::json make_index(const Progression& progression, const std::vector<std::string>& shards);
/// What make_index was given.
Progression progression_of(const nlohmann::json& index);

/// Throws Error(checkpoint) where it is no index of this version.
nlohmann::json read_index(const std::filesystem::path& checkpoint);

/// Whether a piece can be what the index says: elements [begin, end) of a cut of a weight, in a file beside
/// the index. Whatever is computed of such a piece stays within its weight.
bool is_sound(const nlohmann::json& entry);

/// What `use` makes of a checkpoint's index. Throws Error(checkpoint) where it does not hold what it should.
template <typename Use>
auto with_index(const std::filesystem::path& checkpoint, Use use) {
  try {
    return use(read_index(checkpoint));
  } catch (const nlohmann::json::exception& error) {
    fail(Exit::checkpoint, "{}: broken index: {}", checkpoint.string(), error.what());
  }
}

}  // namespace seqvit::train
