/// Decoded blocks of fields kept in memory up to a budget (the least recently used leaves first), and a pool
/// of open files.
///
/// Both are safe under threads; a block is decoded once even when several threads want it at the same time.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "core/partition.h"
#include "data/source_file.h"

namespace seqvit::data {

/// A block of time steps of one variable, for one slab of rows.
struct BlockKey {
  int64_t variable = 0, segment = 0, block = 0;
  Range rows;
  auto tie() const { return std::tie(variable, segment, block, rows.begin, rows.end); }
  friend bool operator<(const BlockKey& a, const BlockKey& b) { return a.tie() < b.tie(); }
};

class BlockCache {
 public:
  explicit BlockCache(int64_t budget_bytes) : budget_bytes_(budget_bytes) {}

  bool fits(int64_t bytes) const { return bytes <= budget_bytes_; }
  /// The values of a block; `load` fills them if they are not in memory. What `load` throws passes through,
  /// and the next call tries again.
  std::shared_ptr<const float[]> get(const BlockKey& key, int64_t values,
                                     const std::function<void(float*)>& load);

 private:
  struct Block {
    std::mutex mutex;  // held while it is loaded
    std::shared_ptr<const float[]> values;
    int64_t bytes = 0;
    std::list<BlockKey>::iterator place;
  };
  std::shared_ptr<Block> find_or_add(const BlockKey& key, int64_t bytes);

  const int64_t budget_bytes_;
  std::mutex mutex_;
  int64_t used_bytes_ = 0;
  std::map<BlockKey, std::shared_ptr<Block>> blocks_;
  std::list<BlockKey> by_use_;  // most recent first
};

/// Opens files on demand and closes the ones not used for long: a data set may have more files than a process
/// may open. Each must be as it was at its stamp.
class FilePool {
 public:
  FilePool(std::vector<std::string> paths, std::vector<FileStamp> stamps)
      : paths_(std::move(paths)), stamps_(std::move(stamps)) {}

  std::shared_ptr<const SourceFile> open(size_t index);

 private:
  static constexpr size_t kOpenFiles = 64;
  const std::vector<std::string> paths_;
  const std::vector<FileStamp> stamps_;
  std::mutex mutex_;
  std::list<std::pair<size_t, std::shared_ptr<const SourceFile>>> open_;  // most recent first
};

}  // namespace seqvit::data
