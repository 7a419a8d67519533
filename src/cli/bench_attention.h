/// Attention alone, in alternation with a large matrix product and with libtorch's kernel.
#pragma once

#include <ATen/core/Tensor.h>
#include <nlohmann/json.hpp>

namespace seqvit::cli {

struct AttentionShape {
  int64_t tokens, embed_dim, num_heads, batch_size;
};

/// Medians of `rounds` rounds, the first left out: seconds, share of the matrix product's rate, and ratio to
/// libtorch's time.
nlohmann::ordered_json bench_attention(const AttentionShape& shape, at::ScalarType type, int64_t rounds);

}  // namespace seqvit::cli
