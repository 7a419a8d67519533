/// The tile registers of AMX: eight a thread, each of 16 rows of 64 bytes. All that the kernel asks of them
/// is in this file, so that tests can put plain C++ in its place (tests/ops/emulated).
///
/// Assembly and not the compiler's intrinsics: those of GCC paste the number of a register into a string, so
/// that it cannot be a template's argument, and its _tile_loadd does not say that it reads memory, so that
/// stores of ours might be moved behind it.
#pragma once

#include <cpuid.h>
#include <cstdint>
#include <unistd.h>

#include <sys/syscall.h>

#include "ops/flash/vector.h"

namespace seqvit::ops::flash {
namespace {

/// Whether the processor has tiles for bf16 and the system lets this process use them: Linux keeps room for
/// their state only where it was asked for. One request serves all threads, those that run already and those
/// to come.
bool tiles_granted() {
  constexpr unsigned kBf16 = 1U << 22, kTile = 1U << 24;
  unsigned a = 0, b = 0, c = 0, features = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &features) == 0 || (features & kBf16) == 0 ||
      (features & kTile) == 0)
    return false;
  constexpr int kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return ::syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

/// While it lives, the thread's tiles have their full shape. Others (oneDNN) shape them for themselves before
/// they use them; so the state is given back, which also makes a change of threads cheaper.
class TileShape {
 public:
  TileShape() {
    struct alignas(64) {
      uint8_t palette = 1, start_row = 0, reserved[14] = {};
      uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
      uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
    } const shape;
    asm volatile("ldtilecfg %0" ::"m"(shape));
  }
  ~TileShape() { asm volatile("tilerelease"); }
  TileShape(const TileShape&) = delete;
  TileShape& operator=(const TileShape&) = delete;
};

template <int kTile>
SEQVIT_INLINE void tile_zero() {
  asm volatile("tilezero %%tmm%c0" ::"i"(kTile));
}
/// 16 rows that lie `stride` bytes apart; stride 0 repeats one row.
template <int kTile>
SEQVIT_INLINE void tile_load(const void* from, int64_t stride) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(stride), "i"(kTile) : "memory");
}
template <int kTile>
SEQVIT_INLINE void tile_store(void* to, int64_t stride) {
  asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(stride), "i"(kTile) : "memory");
}
/// C [16][16] in fp32 += A [16][32] B [32][16] in bf16. B is stored in pairs: row r of its tile holds
/// B[2r][j] and B[2r + 1][j] for j = 0, 1, ...
template <int kC, int kA, int kB>
SEQVIT_INLINE void tile_multiply() {
  asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kC), "i"(kA), "i"(kB));
}

}  // namespace
}  // namespace seqvit::ops::flash
