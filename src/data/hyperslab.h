/// A hyperslab put together from chunks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace seqvit::data {

/// Places of the chunks (the index of the chunk along each dim) that [start, start + count) touches,
/// row-major.
std::vector<std::vector<int64_t>> chunks_of(std::span<const int64_t> chunk, std::span<const int64_t> start,
                                            std::span<const int64_t> count);

/// A chunk and the hyperslab that its values go into.
struct ChunkPart {
  std::span<const int64_t> place;   ///< of the chunk
  std::span<const int64_t> shape;   ///< of every chunk
  std::span<const int64_t> stride;  ///< values of the chunk from one to the next along each dim
  std::span<const int64_t> start, count;
  size_t size = 4;  ///< bytes of a value
};

/// Copies what both have in common from the chunk's values into the hyperslab's, which are row-major.
void copy_part(const ChunkPart& part, const std::byte* chunk, std::byte* out);

/// The same with one value in place of the chunk's.
void fill_part(const ChunkPart& part, const std::byte* value, std::byte* out);

}  // namespace seqvit::data
