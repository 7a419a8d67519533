/// The kernels of a pair of passes, one for each padded head width: to 128 in steps of kWidthStep.
#pragma once

#include "ops/flash/vector.h"

namespace seqvit::ops::flash {
namespace {

/// Of a thread that packs panels and then works on blocks of a pass, whichever needs more.
template <class Pass>
size_t scratch_bytes() {
  Scratch block(nullptr), pack(nullptr);
  typename Pass::State{block};
  pack.take<Word>(Pass::kPanelRows * Pass::kWords);
  return block.size() > pack.size() ? block.size() : pack.size();
}

template <class F, class B>
const Kernel& instance() {
  static const Kernel kernel = {.forward_panel = F::kPanelRows,
                                .backward_panel = B::kPanelRows,
                                .forward_queries = F::kQueries,
                                .backward_keys = B::kKeys,
                                .backward_queries = B::kQueries,
                                .forward_scratch = scratch_bytes<F>(),
                                .backward_scratch = scratch_bytes<B>(),
                                .forward_words = F::packed_words,
                                .pack_keys = F::pack,
                                .forward_block = F::block,
                                .backward_words = B::packed_words,
                                .sum_q_words = B::sum_q_words,
                                .sum_kv_words = B::sum_kv_words,
                                .pack_queries = B::pack,
                                .backward_block = B::block,
                                .finish_grad_q = B::finish_grad_q};
  return kernel;
}

/// The narrowest that holds a head.
template <class Passes, int64_t kWidth = 32>
const Kernel& kernel_for(int64_t head_dim) {
  if constexpr (kWidth < kMaxHeadDim) {
    constexpr int64_t kNext = kWidth < 128 ? kWidth + Passes::kWidthStep : kWidth + 64;
    if (head_dim > kWidth) return kernel_for<Passes, kNext>(head_dim);
  }
  return instance<typename Passes::template ForwardPass<kWidth>,
                  typename Passes::template BackwardPass<kWidth>>();
}

}  // namespace
}  // namespace seqvit::ops::flash
