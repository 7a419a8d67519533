/// What the processor can do, and which kernel serves it. Compiled for any processor.
#include <algorithm>
#include <iterator>

#include "core/error.h"
#include "ops/flash/kernel.h"

namespace seqvit::ops::flash {
namespace {

/// In use for a type: an Instructions, or one of these two. Read by all threads.
constexpr int kBest = -1, kNone = -2;
std::atomic<int> in_use[] = {kBest, kBest};  // by Type

std::atomic<int>& in_use_for(Type type) {
  return in_use[static_cast<size_t>(type)];
}

}  // namespace

#if defined(__x86_64__)

const Kernel& fp32_avx2_kernel(int64_t head_dim);
const Kernel& bf16_avx2_kernel(int64_t head_dim);
const Kernel& fp32_avx512_kernel(int64_t head_dim);
const Kernel& bf16_avx512_kernel(int64_t head_dim);
const Kernel& bf16_avx512_bf16_kernel(int64_t head_dim);
const Kernel& bf16_amx_kernel(int64_t head_dim);
bool amx_granted();  // by processor and system

namespace {

Instructions most = Instructions::amx;

bool has_instructions(Instructions i) {
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (i == Instructions::avx2 || !avx2) return avx2;
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  if (i == Instructions::avx512 || !avx512) return avx512;
  const bool bf16 = __builtin_cpu_supports("avx512bf16");
  return i == Instructions::avx512_bf16 ? bf16 : bf16 && amx_granted();
}

bool may_use(Type type, Instructions i) {
  const bool for_bf16 = i == Instructions::amx || i == Instructions::avx512_bf16;
  return i <= most && (type == Type::bf16 || !for_bf16) && has_instructions(i);
}

}  // namespace

const Kernel& kernel_for(Type type, Instructions instructions, int64_t head_dim) {
  const bool bf16 = type == Type::bf16;
  switch (instructions) {
    case Instructions::avx2:
      return bf16 ? bf16_avx2_kernel(head_dim) : fp32_avx2_kernel(head_dim);
    case Instructions::avx512:
      return bf16 ? bf16_avx512_kernel(head_dim) : fp32_avx512_kernel(head_dim);
    case Instructions::avx512_bf16:
      return bf16_avx512_bf16_kernel(head_dim);
    case Instructions::amx:
      break;
  }
  return bf16_amx_kernel(head_dim);
}

void use_at_most(Instructions instructions) {
  most = instructions;
  for (std::atomic<int>& use : in_use)
    use = kBest;
}

#else

namespace {
bool may_use(Type, Instructions) {
  return false;
}
}  // namespace
const Kernel& kernel_for(Type, Instructions, int64_t) {
  fail(Exit::bug, "no attention kernel for this processor");
}
void use_at_most(Instructions) {}

#endif

namespace {

constexpr Instructions kBestFirst[] = {Instructions::amx, Instructions::avx512_bf16, Instructions::avx512,
                                       Instructions::avx2};

}  // namespace

std::vector<Instructions> available_instructions(Type type) {
  std::vector<Instructions> all;
  std::copy_if(std::begin(kBestFirst), std::end(kBestFirst), std::back_inserter(all),
               [&](Instructions i) { return may_use(type, i); });
  return all;
}

std::optional<Instructions> best_instructions(Type type) {
  for (const Instructions i : kBestFirst) {
    if (may_use(type, i)) return i;
  }
  return std::nullopt;
}

std::optional<Instructions> instructions_for(Type type) {
  const int use = in_use_for(type);
  if (use == kBest) return best_instructions(type);
  return use == kNone ? std::nullopt : std::optional(static_cast<Instructions>(use));
}

void use_instructions(Type type, std::optional<Instructions> instructions) {
  in_use_for(type) = instructions.has_value() ? static_cast<int>(*instructions) : kNone;
}

}  // namespace seqvit::ops::flash
