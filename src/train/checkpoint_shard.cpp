#include "train/checkpoint_shard.h"

#include <ATen/ops/isfinite.h>
#include <fmt/core.h>

#include "core/error.h"
#include "core/file.h"

namespace seqvit::train {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const char* const kParts[] = {kWeight, kMean, kSquare, kAverage};

/// The weight, the two moments and the average, if there is one, of a section, in the order of kParts.
std::vector<Tensor> parts_of(const parallel::Section& section, AdamW& optimizer, size_t group, size_t index) {
  const auto& moments = optimizer.moments(group, index);
  std::vector<Tensor> parts = {section.weight.detach(), moments.first, moments.second};
  if (moments.average.defined()) parts.push_back(moments.average);
  return parts;
}

bool all_finite(const Tensor& values) {
  return at::isfinite(values).all().item<bool>();
}

}  // namespace

void read_back(const fs::path& file, const std::string& expected) {
  drop_from_cache(file);
  const std::string found = file_checksum(file, Exit::checkpoint);
  if (found == expected) return;
  fail(Exit::checkpoint, "{}: written with checksum {}, read back with {}; disk or memory is failing",
       file.string(), expected, found);
}

json write_shard(const fs::path& directory, const std::vector<parallel::ParamGroup*>& groups,
                 AdamW& optimizer, int rank) {
  const std::string file = fmt::format("rank-{:05}.safetensors", rank);
  std::vector<std::pair<std::string, Tensor>> tensors;
  json entries = json::array();
  for (size_t g = 0; g < groups.size(); ++g) {
    auto sections = groups[g]->sections();
    const comm::Comm& data = *groups[g]->sharding().data;
    for (size_t s = 0; s < sections.size(); ++s) {
      const auto parts = parts_of(sections[s], optimizer, g, s);
      // At stage 0 every rank has all: each still writes only its share.
      const Range mine = share(sections[s].size, data.rank(), data.size());
      parallel::for_each_slice(
          sections[s], mine, [&](const parallel::Param& param, Range elements, int64_t offset) {
            for (size_t part = 0; part < parts.size(); ++part) {
              Tensor values = parts[part].narrow(0, offset, elements.size());
              if (elements.size() == param.size()) values = values.view(param.shape());
              const std::string key = part == 0 ? param.name() : param.name() + "." + kParts[part];
              if (!all_finite(values)) {
                fail(Exit::not_finite,
                     "{}: '{}' is not finite, no checkpoint is written; lower train.learning_rate, or look "
                     "at the data with `seqvit inspect`",
                     directory.parent_path().string(), key);
              }
              entries.push_back({{"name", param.name()},
                                 {"part", kParts[part]},
                                 {"shape", param.whole_shape()},
                                 {"begin", elements.begin},
                                 {"end", elements.end},
                                 {"file", file},
                                 {"key", key}});
              if (!param.cut().is_whole())
                entries.back()["cut"] = {param.cut().stride, param.cut().begin, param.cut().size};
              tensors.emplace_back(key, values);
            }
          });
    }
  }
  const std::string checksum = write_safetensors(directory / file, tensors);
  read_back(directory / file, checksum);
  return {{"entries", entries}, {"file", file}, {"checksum", checksum}};
}

SafetensorsFile open_shard(const fs::path& path, const std::string& expected) {
  const std::string found = file_checksum(path, Exit::checkpoint);
  if (found != expected) {
    fail(Exit::checkpoint, "{}: expected checksum {}, found {}; the file is corrupt, use an older checkpoint",
         path.string(), expected, found);
  }
  return SafetensorsFile(path);
}

void check_finite(const Tensor& values, const fs::path& where, const std::string& name) {
  if (all_finite(values)) return;
  fail(Exit::checkpoint, "{}: '{}' is not finite; the training had failed, use an older checkpoint",
       where.string(), name);
}

void check_shard(const fs::path& path, const std::string& expected) {
  const SafetensorsFile file = open_shard(path, expected);
  for (const auto& [name, entry] : file.entries())
    check_finite(file.read(name), path, name);
}

}  // namespace seqvit::train
