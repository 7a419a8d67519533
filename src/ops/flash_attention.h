/// Our attention kernel for processors with AVX2, AVX-512 or AMX (ops/flash): threads, memory and order of
/// the work.
///
/// Same contract as ops/attention.h. Beside inputs and outputs it holds the packed operands of the heads at
/// work, as many at a time as keep the threads busy: forward twice, backward four times a head's q (in the
/// type that is computed in) and once in fp32. Where these are more than kDefaultPackedRoom, backward takes
/// keys and queries in parts that fit, and only dQ grows with the sequence: once the q of a head at work, in
/// fp32.
#pragma once

#include <string>
#include <utility>

#include "ops/attention.h"
#include "ops/flash/kernel.h"

namespace seqvit::ops {

inline constexpr int64_t kDefaultPackedRoom = int64_t{32} << 20;  ///< bytes; more is no faster
/// For tests, which have short sequences. Not for several threads to change at once.
void set_flash_packed_room(int64_t bytes);

/// True for fp32 and bf16 on a processor with AVX2 or AVX-512, head width to 256, dense in it, where ours is
/// in use. Without AVX512-BF16, bf16 is what the tensors hold and fp32 what is computed in.
bool flash_supports(const Tensor& q, const Tensor& k, const Tensor& v);
/// The kernel for such inputs, if they are supported.
std::string flash_name(const Tensor& q);
std::string flash_name(at::ScalarType type, flash::Instructions instructions);

/// With the instructions that are in use (flash::instructions_for), or with some of those available.
std::pair<Tensor, Tensor> flash_forward(const Tensor& q, const Tensor& k, const Tensor& v);
std::pair<Tensor, Tensor> flash_forward(const Tensor& q, const Tensor& k, const Tensor& v,
                                        flash::Instructions instructions);
/// The gradients lie in memory as one fused projection does, [B, L, 3, H, E] where queries and keys are as
/// many, else [B, L, H, E] and [B, M, 2, H, E]; so joining them for the projection's backward needs no copy.
/// `in_place`: they are written over q, k and v.
AttentionGradients flash_backward(const Tensor& grad_out, const Tensor& q, const Tensor& k, const Tensor& v,
                                  const Tensor& out, const Tensor& lse, bool in_place = false);
AttentionGradients flash_backward(const Tensor& grad_out, const Tensor& q, const Tensor& k, const Tensor& v,
                                  const Tensor& out, const Tensor& lse, bool in_place,
                                  flash::Instructions instructions);

/// Bytes that the two passes hold beside inputs and results: packed operands of the heads at work, and
/// scratch.
struct FlashMemory {
  int64_t forward = 0, backward = 0;
};
/// Of attention between so many heads (of all samples), for a type and width that are supported here.
FlashMemory flash_memory(at::ScalarType type, int64_t heads, int64_t queries, int64_t keys, int64_t width);

}  // namespace seqvit::ops
