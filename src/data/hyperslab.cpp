#include "data/hyperslab.h"

#include <algorithm>
#include <cstring>

namespace seqvit::data {
namespace {

/// Calls visit(index in the chunk, index in the hyperslab, values) for each run along the last dim.
template <typename Visit>
void each_run(const ChunkPart& part, const Visit& visit) {
  const size_t dims = part.shape.size();
  if (dims == 0) return visit(int64_t{0}, int64_t{0}, int64_t{1});
  std::vector<int64_t> first(dims), size(dims), out_stride(dims, 1), at(dims, 0);
  for (size_t d = 0; d < dims; ++d) {
    const int64_t begin = part.place[d] * part.shape[d];
    first[d] = std::max(begin, part.start[d]);
    size[d] = std::min(begin + part.shape[d], part.start[d] + part.count[d]) - first[d];
    if (size[d] <= 0) return;
  }
  for (size_t d = dims - 1; d > 0; --d)
    out_stride[d - 1] = out_stride[d] * part.count[d];
  while (true) {
    int64_t from = 0, to = 0;
    for (size_t d = 0; d < dims; ++d) {
      from += (first[d] + at[d] - part.place[d] * part.shape[d]) * part.stride[d];
      to += (first[d] + at[d] - part.start[d]) * out_stride[d];
    }
    visit(from, to, size[dims - 1]);
    size_t d = dims - 1;
    while (d > 0 && ++at[d - 1] == size[d - 1])
      at[--d] = 0;
    if (d == 0) return;
  }
}

template <typename Value>
void copy_values(const std::byte* from, int64_t stride, std::byte* to, int64_t values) {
  for (int64_t i = 0; i < values; ++i)
    std::memcpy(to + i * static_cast<int64_t>(sizeof(Value)),
                from + i * stride * static_cast<int64_t>(sizeof(Value)), sizeof(Value));
}

void copy_run(const std::byte* from, int64_t stride, std::byte* to, int64_t values, size_t size) {
  if (stride == 1)
    std::memcpy(to, from, static_cast<size_t>(values) * size);
  else if (size == 1)
    copy_values<uint8_t>(from, stride, to, values);
  else if (size == 2)
    copy_values<uint16_t>(from, stride, to, values);
  else if (size == 4)
    copy_values<uint32_t>(from, stride, to, values);
  else
    copy_values<uint64_t>(from, stride, to, values);
}

}  // namespace

std::vector<std::vector<int64_t>> chunks_of(std::span<const int64_t> chunk, std::span<const int64_t> start,
                                            std::span<const int64_t> count) {
  std::vector<int64_t> first, last;
  for (size_t d = 0; d < chunk.size(); ++d) {
    if (count[d] == 0) return {};
    first.push_back(start[d] / chunk[d]);
    last.push_back((start[d] + count[d] - 1) / chunk[d]);
  }
  std::vector<std::vector<int64_t>> places;
  std::vector<int64_t> place = first;
  while (true) {
    places.push_back(place);
    size_t d = place.size();
    while (d > 0 && place[d - 1] == last[d - 1]) {
      place[d - 1] = first[d - 1];
      --d;
    }
    if (d == 0) return places;
    ++place[d - 1];
  }
}

void copy_part(const ChunkPart& part, const std::byte* chunk, std::byte* out) {
  const auto size = static_cast<int64_t>(part.size);
  const int64_t last = part.stride.empty() ? 1 : part.stride.back();
  each_run(part, [&](int64_t from, int64_t to, int64_t values) {
    copy_run(chunk + from * size, last, out + to * size, values, part.size);
  });
}

void fill_part(const ChunkPart& part, const std::byte* value, std::byte* out) {
  const auto size = static_cast<int64_t>(part.size);
  each_run(part, [&](int64_t, int64_t to, int64_t values) {
    copy_run(value, 0, out + to * size, values, part.size);
  });
}

}  // namespace seqvit::data
