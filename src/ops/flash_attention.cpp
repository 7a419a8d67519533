#include "ops/flash_attention.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros_like.h>

#include "core/watch.h"
#include "ops/allocate_only.h"
#include "ops/flash/kernel.h"
#include "ops/split_heads.h"

namespace seqvit::ops {
namespace {

/// Packed operands that may lie in memory at a time, in bytes; forward, of a head at least.
int64_t packed_room = kDefaultPackedRoom;
/// That keep a thread busy while others end.
constexpr int64_t kBlocksAThread = 8;

flash::Type type_of(at::ScalarType type) {
  return type == at::kBFloat16 ? flash::Type::bf16 : flash::Type::fp32;
}

/// What is in use for the type, if anything.
std::optional<flash::Instructions> in_use(at::ScalarType type) {
  return flash::instructions_for(type_of(type));
}

const flash::Kernel& kernel_for(const Tensor& q, flash::Instructions instructions) {
  return flash::kernel_for(type_of(q.scalar_type()), instructions, q.size(3));
}

/// One head of one sample of t [B, H, rows, E], from row `first` on.
flash::Matrix matrix(const Tensor& t, int64_t head, int64_t first = 0) {
  const int64_t element =
      head / t.size(1) * t.stride(0) + head % t.size(1) * t.stride(1) + first * t.stride(2);
  return {static_cast<char*>(t.mutable_data_ptr()) + element * t.element_size(), t.stride(2)};
}
flash::ConstMatrix const_matrix(const Tensor& t, int64_t head, int64_t first = 0) {
  const flash::Matrix m = matrix(t, head, first);
  return {m.data, m.stride};
}

float scale_of(const Tensor& q) {
  return static_cast<float>(1.0 / std::sqrt(static_cast<double>(q.size(3))));
}

/// Runs body(unit, scratch) for every unit, each thread taking the next one that is left. Units are started
/// in their order.
template <typename Body>
void for_each_unit(int64_t units, size_t scratch_bytes, const Body& body) {
  std::atomic<int64_t> next{0};
  const auto threads = std::min<int64_t>(at::get_num_threads(), units);
  at::parallel_for(0, threads, 1, [&](int64_t /*begin*/, int64_t /*end*/) {
    const Tensor scratch = at::empty({static_cast<int64_t>(scratch_bytes)}, at::kByte);
    for (int64_t unit = next++; unit < units; unit = next++) {
      body(unit, scratch.mutable_data_ptr());
      sign_of_life();
    }
  });
}

/// What the threads of for_each_unit hold, for a step that only allocates.
void take_scratch(int64_t units, size_t scratch_bytes) {
  const auto threads = std::min<int64_t>(at::get_num_threads(), units);
  (void)at::empty({threads * static_cast<int64_t>(scratch_bytes)}, at::kByte);
}

int64_t ceil_divide(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

/// Heads that are packed at a time: as many as fit, but no fewer than keep the threads busy. Those that share
/// a head follow one another through its queries (dQ), which a few blocks for each hide.
int64_t heads_in_group(int64_t heads, int64_t words_a_head, int64_t blocks_a_head) {
  const int64_t fit = packed_room / std::max<int64_t>(4 * words_a_head, 1),
                busy = ceil_divide(kBlocksAThread * at::get_num_threads(), blocks_a_head);
  return std::min(heads, std::max(fit, busy));
}

/// How backward goes through its work: groups of heads, in each of them keys and queries in parts.
struct BackwardSchedule {
  int64_t group;             ///< heads
  int64_t queries, keys;     ///< of a part
  int64_t packed_words;      ///< of a head
  int64_t sum_q_words;       ///< of a head
  int64_t sum_kv_words = 0;  ///< of a head, 0 where one part has all queries

  int64_t words() const { return group * (packed_words + sum_q_words + sum_kv_words); }
};

/// Where a group of heads does not fit, parts that do, unless their sums take more than that saves. Made of
/// the kernel's blocks, they do not change a sum's order.
BackwardSchedule backward_schedule(const flash::Kernel& kernel, int64_t heads, int64_t queries,
                                   int64_t keys) {
  const int64_t sum_q_words = kernel.sum_q_words(queries), words = kernel.backward_words(queries),
                group = heads_in_group(heads, words + sum_q_words, ceil_divide(keys, kernel.backward_keys));
  const BackwardSchedule whole{group, queries, keys, words, sum_q_words};
  if (4 * whole.words() <= packed_room) return whole;
  // As many blocks as fit into half of the room each, but keys that keep the threads busy.
  auto blocks = [&](int64_t words_a_block) { return packed_room / 2 / (4 * group * words_a_block); };
  const int64_t query_blocks = std::max(blocks(kernel.backward_words(kernel.backward_queries)), int64_t{1}),
                key_blocks = std::max(blocks(kernel.sum_kv_words(kernel.backward_keys)),
                                      ceil_divide(kBlocksAThread * at::get_num_threads(), group));
  BackwardSchedule parts = whole;
  parts.queries = std::min(queries, query_blocks * kernel.backward_queries);
  parts.keys = std::min(keys, key_blocks * kernel.backward_keys);
  parts.packed_words = kernel.backward_words(parts.queries);
  parts.sum_kv_words = kernel.sum_kv_words(parts.keys);
  return parts.words() < whole.words() ? parts : whole;
}

Tensor dense_in_head(const Tensor& t) {
  return t.stride(3) == 1 ? t : t.contiguous();
}

}  // namespace

void set_flash_packed_room(int64_t bytes) {
  packed_room = bytes;
}

bool flash_supports(const Tensor& q, const Tensor& k, const Tensor& v) {
  return q.device().is_cpu() && (q.scalar_type() == at::kFloat || q.scalar_type() == at::kBFloat16) &&
         in_use(q.scalar_type()) && q.size(3) <= flash::kMaxHeadDim && q.stride(3) == 1 && k.stride(3) == 1 &&
         v.stride(3) == 1;
}

std::string flash_name(at::ScalarType type, flash::Instructions instructions) {
  const std::string arithmetic = type == at::kBFloat16 ? "bf16 in fp32" : "fp32";
  switch (instructions) {
    case flash::Instructions::avx2:
      return "seqvit AVX2 " + arithmetic;
    case flash::Instructions::avx512:
      return "seqvit AVX-512 " + arithmetic;
    case flash::Instructions::avx512_bf16:
      return "seqvit AVX512-BF16";
    case flash::Instructions::amx:
      break;
  }
  return "seqvit AMX-BF16";
}

std::string flash_name(const Tensor& q) {
  return flash_name(q.scalar_type(), in_use(q.scalar_type()).value());
}

FlashMemory flash_memory(at::ScalarType type, int64_t heads, int64_t queries, int64_t keys, int64_t width) {
  if (heads == 0 || queries == 0 || keys == 0) return {};
  const flash::Kernel& kernel = flash::kernel_for(type_of(type), in_use(type).value(), width);
  const auto bytes = [](int64_t words, size_t scratch) {
    return words * static_cast<int64_t>(sizeof(flash::Word)) +
           at::get_num_threads() * static_cast<int64_t>(scratch);
  };
  const int64_t words = kernel.forward_words(keys),
                group = heads_in_group(heads, words, ceil_divide(queries, kernel.forward_queries));
  return {bytes(group * words, kernel.forward_scratch),
          bytes(backward_schedule(kernel, heads, queries, keys).words(), kernel.backward_scratch)};
}

std::pair<Tensor, Tensor> flash_forward(const Tensor& q, const Tensor& k, const Tensor& v,
                                        flash::Instructions instructions) {
  const int64_t batch = q.size(0), heads = q.size(1), queries = q.size(2), keys = k.size(2),
                width = q.size(3);
  const Tensor out = at::empty({batch, queries, heads, width}, q.options()).transpose(1, 2);
  const Tensor lse = at::empty({batch, heads, queries}, at::kFloat);
  if (keys == 0) {
    out.zero_();
    lse.fill_(-std::numeric_limits<float>::infinity());
  }
  if (keys == 0 || queries == 0) return {out, lse};

  const flash::Kernel& kernel = kernel_for(q, instructions);
  const int64_t words = kernel.forward_words(keys), panels = ceil_divide(keys, kernel.forward_panel),
                blocks = ceil_divide(queries, kernel.forward_queries),
                group = heads_in_group(batch * heads, words, blocks);
  const Tensor packed = at::empty({group, words}, at::kInt);
  if (AllocateOnly::attention()) {
    take_scratch(group * std::max(panels, blocks), kernel.forward_scratch);
    return {out.zero_(), lse.zero_()};
  }
  for (int64_t first = 0; first < batch * heads; first += group) {
    std::vector<flash::ForwardHead> work;
    for (int64_t h = first; h < std::min(first + group, batch * heads); ++h) {
      work.push_back(
          {.q = const_matrix(q, h),
           .k = const_matrix(k, h),
           .v = const_matrix(v, h),
           .out = matrix(out, h),
           .lse = lse.mutable_data_ptr<float>() + h * queries,
           .queries = queries,
           .keys = keys,
           .head_dim = width,
           .scale = scale_of(q),
           .packed = reinterpret_cast<flash::Word*>(packed.mutable_data_ptr<int>()) + (h - first) * words});
    }
    const auto n = static_cast<int64_t>(work.size());
    for_each_unit(n * panels, kernel.forward_scratch, [&](int64_t unit, void* scratch) {
      kernel.pack_keys(work[unit / panels], unit % panels, scratch);
    });
    for_each_unit(n * blocks, kernel.forward_scratch, [&](int64_t unit, void* scratch) {
      kernel.forward_block(work[unit / blocks], unit % blocks, scratch);
    });
  }
  return {out, lse};
}

std::pair<Tensor, Tensor> flash_forward(const Tensor& q, const Tensor& k, const Tensor& v) {
  return flash_forward(q, k, v, in_use(q.scalar_type()).value());
}

namespace {

/// Room for the gradients, where they lie as those of one projection.
AttentionGradients room_for_gradients(const Tensor& q, const Tensor& k) {
  auto fused = [&](int64_t rows, int64_t n) {
    return heads_of_projection(at::empty({q.size(0), rows, n * q.size(1) * q.size(3)}, q.options()), n,
                               q.size(1));
  };
  if (q.size(2) == k.size(2)) {
    const auto all = fused(q.size(2), 3);
    return {all[0], all[1], all[2]};
  }
  const auto kv = fused(k.size(2), 2);
  return {fused(q.size(2), 1)[0], kv[0], kv[1]};
}

}  // namespace

AttentionGradients flash_backward(const Tensor& grad_out, const Tensor& q, const Tensor& k, const Tensor& v,
                                  const Tensor& out, const Tensor& lse, bool in_place,
                                  flash::Instructions instructions) {
  const int64_t batch = q.size(0), heads = q.size(1), queries = q.size(2), keys = k.size(2),
                width = q.size(3);
  // In place is safe: gradients of queries are written when these have been packed with the last keys, and
  // those of a block of keys, with the last queries, by the one unit of work that reads it.
  const AttentionGradients grads = in_place ? AttentionGradients{q, k, v} : room_for_gradients(q, k);
  if (batch * heads == 0 || keys == 0 || queries == 0)
    return {grads.q.zero_(), grads.k.zero_(), grads.v.zero_()};

  const flash::Kernel& kernel = kernel_for(q, instructions);
  const Tensor upstream = dense_in_head(grad_out), result = dense_in_head(out), lse_dense = lse.contiguous();
  const BackwardSchedule schedule = backward_schedule(kernel, batch * heads, queries, keys);
  auto room = [&](int64_t words) { return at::empty({schedule.group, words}, at::kFloat); };
  const Tensor packed = room(schedule.packed_words), sum_q = room(schedule.sum_q_words),
               sum_kv = room(schedule.sum_kv_words);
  if (AllocateOnly::attention()) {
    take_scratch(schedule.group * std::max(ceil_divide(schedule.queries, kernel.backward_panel),
                                           ceil_divide(schedule.keys, kernel.backward_keys)),
                 kernel.backward_scratch);
    return {grads.q.zero_(), grads.k.zero_(), grads.v.zero_()};
  }
  // Of heads [head, head + n), queries [i, i_end) and keys [j, j_end).
  auto run_part = [&](int64_t head, int64_t n, int64_t i, int64_t i_end, int64_t j, int64_t j_end) {
    const int64_t panels = ceil_divide(i_end - i, kernel.backward_panel),
                  blocks = ceil_divide(j_end - j, kernel.backward_keys);
    const std::unique_ptr<std::atomic<int64_t>[]> progress(new std::atomic<int64_t>[n * blocks]());
    std::vector<flash::BackwardPart> work;
    for (int64_t m = 0; m < n; ++m) {
      const int64_t h = head + m;
      auto row = [m](const Tensor& t) { return t.mutable_data_ptr<float>() + m * t.size(1); };
      work.push_back({.q = const_matrix(q, h, i),
                      .k = const_matrix(k, h, j),
                      .v = const_matrix(v, h, j),
                      .out = const_matrix(result, h, i),
                      .grad_out = const_matrix(upstream, h, i),
                      .lse = lse_dense.const_data_ptr<float>() + h * queries + i,
                      .grad_q = matrix(grads.q, h, i),
                      .grad_k = matrix(grads.k, h, j),
                      .grad_v = matrix(grads.v, h, j),
                      .queries = i_end - i,
                      .keys = j_end - j,
                      .head_dim = width,
                      .scale = scale_of(q),
                      .first_keys = j == 0,
                      .first_queries = i == 0,
                      .last_queries = i_end == queries,
                      .packed = reinterpret_cast<flash::Word*>(row(packed)),
                      .sum_q = row(sum_q) + kernel.sum_q_words(i),
                      .sum_kv = schedule.sum_kv_words > 0 ? row(sum_kv) : nullptr,
                      .progress = progress.get() + m * blocks});
    }
    for_each_unit(n * panels, kernel.backward_scratch, [&](int64_t unit, void* scratch) {
      kernel.pack_queries(work[unit / panels], unit % panels, scratch);
    });
    // A head's key blocks wait for one another (dQ), so neighbouring units belong to different heads.
    for_each_unit(n * blocks, kernel.backward_scratch, [&](int64_t unit, void* scratch) {
      kernel.backward_block(work[unit % n], unit / n, scratch);
    });
    if (j_end < keys) return;
    for_each_unit(n * panels, 0,
                  [&](int64_t unit, void*) { kernel.finish_grad_q(work[unit / panels], unit % panels); });
  };
  for (int64_t head = 0; head < batch * heads; head += schedule.group) {
    const int64_t n = std::min(schedule.group, batch * heads - head);
    for (int64_t j = 0; j < keys; j += schedule.keys) {
      for (int64_t i = 0; i < queries; i += schedule.queries)
        run_part(head, n, i, std::min(i + schedule.queries, queries), j, std::min(j + schedule.keys, keys));
    }
  }
  return grads;
}

AttentionGradients flash_backward(const Tensor& grad_out, const Tensor& q, const Tensor& k, const Tensor& v,
                                  const Tensor& out, const Tensor& lse, bool in_place) {
  return flash_backward(grad_out, q, k, v, out, lse, in_place, in_use(q.scalar_type()).value());
}

}  // namespace seqvit::ops
