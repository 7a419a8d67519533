#include "data/block_cache.h"

#include <algorithm>

#include "data/open_file.h"

namespace seqvit::data {

std::shared_ptr<BlockCache::Block> BlockCache::find_or_add(const BlockKey& key, int64_t bytes) {
  const std::lock_guard lock(mutex_);
  if (const auto found = blocks_.find(key); found != blocks_.end()) {
    by_use_.splice(by_use_.begin(), by_use_, found->second->place);
    return found->second;
  }
  while (used_bytes_ + bytes > budget_bytes_ && !by_use_.empty()) {
    // A block that is being read stays alive with its reader.
    const auto oldest = blocks_.find(by_use_.back());
    used_bytes_ -= oldest->second->bytes;
    blocks_.erase(oldest);
    by_use_.pop_back();
  }
  auto block = std::make_shared<Block>();
  block->bytes = bytes;
  by_use_.push_front(key);
  block->place = by_use_.begin();
  blocks_.emplace(key, block);
  used_bytes_ += bytes;
  return block;
}

std::shared_ptr<const float[]> BlockCache::get(const BlockKey& key, int64_t values,
                                               const std::function<void(float*)>& load) {
  const std::shared_ptr<Block> block = find_or_add(key, values * static_cast<int64_t>(sizeof(float)));
  const std::lock_guard lock(block->mutex);
  if (!block->values) {
    const std::shared_ptr<float[]> loaded =
        std::make_shared_for_overwrite<float[]>(static_cast<size_t>(values));
    load(loaded.get());
    block->values = loaded;
  }
  return block->values;
}

std::shared_ptr<const SourceFile> FilePool::open(size_t index) {
  const std::lock_guard lock(mutex_);
  const auto found =
      std::find_if(open_.begin(), open_.end(), [&](const auto& entry) { return entry.first == index; });
  if (found != open_.end()) {
    open_.splice(open_.begin(), open_, found);
    return open_.front().second;
  }
  auto file = open_file(paths_[index]);
  check_unchanged(file->path(), stamps_[index], file->stamp());
  open_.emplace_front(index, std::move(file));
  if (open_.size() > kOpenFiles) open_.pop_back();
  return open_.front().second;
}

}  // namespace seqvit::data
