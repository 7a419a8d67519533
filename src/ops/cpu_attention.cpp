#include "ops/cpu_attention.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <mutex>
#include <tuple>

#include <ATen/Parallel.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "ops/flash_attention.h"

namespace seqvit::ops {
namespace {

constexpr int64_t kPiece = 512;
constexpr int kRounds = 3;
constexpr const char* kVariable = "SEQVIT_ATTENTION";

constexpr std::array<std::string_view, kCpuKernels.size()> kNames = {"amx", "avx512_bf16", "avx512", "avx2",
                                                                     "libtorch"};

flash::Type flash_type(at::ScalarType type) {
  return type == at::kBFloat16 ? flash::Type::bf16 : flash::Type::fp32;
}

using Allowed = std::array<bool, kCpuKernels.size()>;

/// libtorch's always is.
Allowed available(flash::Type type) {
  const auto ours = flash::available_instructions(type);
  Allowed allowed;
  std::transform(kCpuKernels.begin(), kCpuKernels.end(), allowed.begin(), [&](const CpuKernel& kernel) {
    return !kernel || std::find(ours.begin(), ours.end(), *kernel) != ours.end();
  });
  return allowed;
}

std::vector<std::string_view> names_of(const Allowed& allowed) {
  std::vector<std::string_view> names;
  for (size_t i = 0; i < allowed.size(); ++i) {
    if (allowed[i]) names.push_back(kNames[i]);
  }
  return names;
}

AttentionKernel attention_kernel(const CpuKernel& kernel, at::ScalarType type) {
  if (!kernel) return libtorch_cpu_kernel();
  return {
      flash_name(type, *kernel),
      [kernel](const Tensor& q, const Tensor& k, const Tensor& v) { return flash_forward(q, k, v, *kernel); },
      [kernel](const Tensor& grad_out, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& out,
               const Tensor& lse) {
        return flash_backward(grad_out, q, k, v, out, lse, /*in_place=*/false, *kernel);
      }};
}

/// At least one of each: a rank may have no tokens.
AttentionSizes piece_of(const AttentionSizes& shape) {
  return {1, std::clamp<int64_t>(shape.heads, 1, at::get_num_threads()),
          std::clamp<int64_t>(shape.queries, 1, kPiece), std::clamp<int64_t>(shape.keys, 1, kPiece),
          shape.head_dim};
}

}  // namespace

CpuKernelWish cpu_kernel_wish(at::ScalarType type) {
  const Allowed here = available(flash_type(type));
  const char* value = std::getenv(kVariable);
  const std::string_view name = value == nullptr ? "" : value;
  if (name.empty()) return {false, here};
  if (name == "measure") return {true, here};
  const auto at = static_cast<size_t>(std::find(kNames.begin(), kNames.end(), name) - kNames.begin());
  const Allowed any = available(flash::Type::bf16);  // has all that fp32 has
  if (at == kNames.size() || !any[at]) {
    fail(Exit::usage, "{}={}: expected measure or an attention kernel that this machine has: {}", kVariable,
         name, fmt::join(names_of(any), ", "));
  }
  if (!here[at]) return {false, here};
  Allowed one = {};
  one[at] = true;
  return {false, one};
}

std::vector<KernelTrial> time_cpu_kernels(const CpuKernelWish& wish, const AttentionSizes& shape,
                                          at::ScalarType type) {
  const AttentionSizes piece = piece_of(shape);
  using Key = std::tuple<at::ScalarType, int64_t, int64_t, int64_t, int64_t, Allowed>;
  static std::mutex mutex;  // ranks as threads take turns, which also lets each have the cores
  static std::map<Key, std::vector<KernelTrial>> known;
  const std::lock_guard lock(mutex);
  auto& trials = known[{type, piece.heads, piece.queries, piece.keys, piece.head_dim, wish.allowed}];
  if (!trials.empty()) return trials;
  std::vector<AttentionKernel> kernels;
  for (size_t i = 0; i < kCpuKernels.size(); ++i) {
    if (wish.allowed[i]) kernels.push_back(attention_kernel(kCpuKernels[i], type));
  }
  auto measured = try_attention_kernels(kernels, piece, type, /*tolerance=*/0.0, kRounds);
  for (size_t i = 0, next = 0; i < kCpuKernels.size(); ++i) {
    trials.push_back(wish.allowed[i]
                         ? measured[next++]
                         : KernelTrial{.name = std::string(kNames[i]), .refused = "not on this machine"});
  }
  return trials;
}

void use_cpu_kernel(at::ScalarType type, const CpuKernel& kernel) {
  flash::use_instructions(flash_type(type), kernel);
}

void use_wished_cpu_kernel(at::ScalarType type) {
  if (type != at::kFloat && type != at::kBFloat16) return;
  const Allowed allowed = cpu_kernel_wish(type).allowed;
  use_cpu_kernel(
      type,
      kCpuKernels[static_cast<size_t>(std::find(allowed.begin(), allowed.end(), true) - allowed.begin())]);
}

}  // namespace seqvit::ops
