/// AMX in plain C++, for processors (and tools) that do not have it: what src/ops/flash/amx_tiles.h offers,
/// by the description of the instructions in Intel's manual. It stands before that file in the include path
/// of the target ops_test_by_tiles, so that the kernel's own source is compiled unchanged.
///
/// Not as the processor does it: numbers below the normal ones, which tdpbf16ps takes for zero and rounds to
/// zero.
#pragma once

#include <cstdint>
#include <cstring>

#include "ops/flash/vector.h"

namespace seqvit::ops::flash {
namespace {

struct PlainTile {
  uint32_t words[16][16];
};
thread_local PlainTile plain_tiles[8];
thread_local bool plain_tiles_shaped = false;

bool tiles_granted() {
  return true;
}

/// The instructions fault on tiles without a shape.
void need_shape() {
  if (!plain_tiles_shaped) __builtin_trap();
}

class TileShape {
 public:
  TileShape() { plain_tiles_shaped = true; }
  ~TileShape() { plain_tiles_shaped = false; }
  TileShape(const TileShape&) = delete;
  TileShape& operator=(const TileShape&) = delete;
};

template <int kTile>
void tile_zero() {
  need_shape();
  plain_tiles[kTile] = {};
}
template <int kTile>
void tile_load(const void* from, int64_t stride) {
  need_shape();
  for (int64_t r = 0; r < 16; ++r)
    std::memcpy(plain_tiles[kTile].words[r], static_cast<const char*>(from) + r * stride, 64);
}
template <int kTile>
void tile_store(void* to, int64_t stride) {
  need_shape();
  for (int64_t r = 0; r < 16; ++r)
    std::memcpy(static_cast<char*>(to) + r * stride, plain_tiles[kTile].words[r], 64);
}

inline float float_of_bits(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof(x));
  return x;
}
inline float even_number(uint32_t word) {
  return float_of_bits(word << 16);
}
inline float odd_number(uint32_t word) {
  return float_of_bits(word & 0xffff0000U);
}

/// Even and odd terms are summed apart from zero, each with one rounding a term; their sum is added once.
template <int kC, int kA, int kB>
__attribute__((noinline, optimize("O3"))) void tile_multiply() {
  need_shape();
  float b_even[16][16], b_odd[16][16];
  for (int k = 0; k < 16; ++k)
    for (int j = 0; j < 16; ++j) {
      b_even[k][j] = even_number(plain_tiles[kB].words[k][j]);
      b_odd[k][j] = odd_number(plain_tiles[kB].words[k][j]);
    }
  for (int i = 0; i < 16; ++i) {
    float even[16] = {}, odd[16] = {}, sum[16];
    for (int k = 0; k < 16; ++k) {
      const float a_even = even_number(plain_tiles[kA].words[i][k]),
                  a_odd = odd_number(plain_tiles[kA].words[i][k]);
      for (int j = 0; j < 16; ++j) {
        even[j] = __builtin_fmaf(a_even, b_even[k][j], even[j]);
        odd[j] = __builtin_fmaf(a_odd, b_odd[k][j], odd[j]);
      }
    }
    std::memcpy(sum, plain_tiles[kC].words[i], sizeof(sum));
    for (int j = 0; j < 16; ++j)
      sum[j] += even[j] + odd[j];
    std::memcpy(plain_tiles[kC].words[i], sum, sizeof(sum));
  }
}

}  // namespace
}  // namespace seqvit::ops::flash
