/// Exact softmax attention for x86-64 processors with AVX2, AVX-512 or AMX: the arithmetic of one unit of
/// work, without threads or allocation (those are in ops/flash_attention.cpp).
///
/// Forward, after Dao et al. (arXiv 2205.14135). With s_ij = scale q_i . k_j a block of queries visits the
/// keys block by block and keeps, for each query, a reference m, the sum l = sum_j 2^(s_ij log2(e) - m) and
/// o = sum_j 2^(s_ij log2(e) - m) v_j; at the end out = o / l and lse = (m + log2 l) ln 2.
///
/// Backward, with P_ij = exp(s_ij - lse_i) and D_i = dout_i . out_i:
///     dV = P^T dout,   dS = P * (dout V^T - D),   dQ = scale dS K,   dK = scale dS^T Q.
/// A block of keys visits the queries block by block, so each score is computed once. Scores are held
/// transposed (keys down, queries across): P^T and dS^T are then the left operands of dV and dK as they
/// stand.
///
/// What makes it fast, each with its reason:
///  - Operands are packed once, so that every product reads panels as wide as a register tile that stream
///    from the cache. The inner products work on 32-bit words: one fp32, or the two bf16 that the dot-product
///    instruction takes.
///  - With AVX-512, exponentials of the previous tile are taken between the products of the present one: they
///    use other ports.
///  - m is an integer and moves only when a row's maximum grows by more than 12 (in log2): what was summed
///    before is then scaled by an exact power of two, and most blocks need no horizontal maximum at all.
///  - 2^x is a polynomial on [-1/2, 1/2] and an addition to the exponent.
///  - The bf16 kernel divides by the sum of the *rounded* probabilities, so their rounding does not bias the
///    mean.
///  - dQ receives its contributions in the order of the key blocks, whichever thread has them: the result
///    does not depend on the number of threads.
///  - With AMX (bf16 only) the same mathematics on tiles, which multiply so fast that all else has to be
///    arranged around them: amx_forward.h and amx_backward.h say what differs.
///
/// Scores that are NaN or infinite give NaN, as in libtorch.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace seqvit::ops::flash {

using Word = uint32_t;  ///< one fp32, or two bf16 that are neighbours along the reduction

/// A matrix [rows, head_dim] of fp32 or bf16, dense in head_dim.
struct ConstMatrix {
  const void* data;
  int64_t stride;  ///< elements from row to row
};
struct Matrix {
  void* data;
  int64_t stride;
};

/// One head of one sample. `packed` holds Kernel::forward_words(keys) words, 64-byte aligned.
struct ForwardHead {
  ConstMatrix q, k, v;
  Matrix out;
  float* lse;  ///< [queries]
  int64_t queries, keys, head_dim;
  float scale;  ///< positive
  Word* packed;
};

/// Queries by keys of one head of one sample: all of them, or a part of either. All that is of queries or of
/// keys begins where the part does.
struct BackwardPart {
  ConstMatrix q, k, v, out, grad_out;
  const float* lse;  ///< [queries] of the complete softmax
  Matrix grad_q, grad_k, grad_v;
  int64_t queries, keys, head_dim;
  float scale;
  bool first_keys;                   ///< of the head
  bool first_queries, last_queries;  ///< of the head
  Word* packed;                      ///< [Kernel::backward_words(queries)], 64-byte aligned
  float* sum_q;                      ///< [Kernel::sum_q_words(queries)], aligned: dQ of all keys so far
  float* sum_kv;  ///< [Kernel::sum_kv_words(keys)], aligned: dK and dV of all queries so far; null where
                  ///< these are all
  /// [blocks of keys] blocks of queries whose dQ each has added, zero at first.
  std::atomic<int64_t>* progress;
};

/// The kernel of one element type and one (padded) head width. Units of a head or part may run on any
/// threads; those of a later stage need all of the earlier ones (backward_block only waits for dQ itself).
struct Kernel {
  int64_t forward_panel, backward_panel;  ///< keys in forward, queries in backward, that are packed at a time
  int64_t forward_queries;                ///< of one forward unit
  int64_t backward_keys, backward_queries;   ///< keys of one backward unit; queries that it takes at a time
  size_t forward_scratch, backward_scratch;  ///< bytes a thread, 64-byte aligned

  int64_t (*forward_words)(int64_t keys);
  void (*pack_keys)(const ForwardHead&, int64_t panel, void* scratch);
  void (*forward_block)(const ForwardHead&, int64_t block, void* scratch);

  int64_t (*backward_words)(int64_t queries);
  int64_t (*sum_q_words)(int64_t queries);
  int64_t (*sum_kv_words)(int64_t keys);
  void (*pack_queries)(const BackwardPart&, int64_t panel, void* scratch);
  /// Blocks must be started in their order.
  void (*backward_block)(const BackwardPart&, int64_t block, void* scratch);
  /// After the last keys.
  void (*finish_grad_q)(const BackwardPart&, int64_t panel);
};

/// Widest head of the kernels.
inline constexpr int64_t kMaxHeadDim = 256;

enum class Type { fp32, bf16 };
enum class Instructions { avx2, avx512, avx512_bf16, amx };

/// What this processor has for the type, the best first: for fp32 AVX-512 and AVX2; for bf16 AMX and
/// AVX512-BF16 before those, in which it is computed in fp32. AMX only where the system grants its registers.
std::vector<Instructions> available_instructions(Type type);
/// The first of them, whatever is in use.
std::optional<Instructions> best_instructions(Type type);
/// What attention of the type is computed with: the best, or what use_instructions said. Nothing where there
/// is none, or none of ours shall be used.
std::optional<Instructions> instructions_for(Type type);
/// From here on, in the whole process. `instructions`: available ones, or nothing.
void use_instructions(Type type, std::optional<Instructions> instructions);

/// The kernel of these instructions for a head width up to kMaxHeadDim.
const Kernel& kernel_for(Type type, Instructions instructions, int64_t head_dim);
/// For tests, on a processor that has more; the best of what is left is used. Not for several threads to
/// change at once.
void use_at_most(Instructions instructions);

}  // namespace seqvit::ops::flash
