/// Ulysses' exchange, as autograd can pass through it: my tokens of all heads against all tokens of my heads.
/// Each direction is the other's backward.
///
/// When to use it: by ulysses.cpp. A message holds tokens outermost, [token][tensor][B][H][E]. So what
/// arrives of all tokens is the whole sequence as attention reads it, without a copy, and what attention
/// leaves there in place of its operands is the message back: at long sequences each copy that is avoided is
/// one of the largest tensors. Tensors travel together, until they are so large that what they cost is bytes
/// rather than messages: then one after the other, for the memory of one message.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "comm/comm.h"

namespace seqvit::parallel {

/// Who has which heads and which tokens.
struct Shares {
  comm::Counts heads, tokens;
};

/// Of tensors that travel together, on the average of all ranks; one alone may be more.
inline constexpr int64_t kMessageBytes = int64_t{32} << 20;

/// Tensors that travel together, of `bytes` each on the average of all ranks.
constexpr int64_t tensors_in_message(int64_t bytes) {
  return bytes < kMessageBytes ? kMessageBytes / std::max<int64_t>(bytes, 1) : 1;
}

/// n tensors [B, H, L, E], all heads of my tokens, of equal shape -> [B, H_mine, N, E]. By value: where no
/// graph holds them, they are gone once they are packed. Sends n B L E elements for each head of others.
std::vector<Tensor> gather_tokens(std::vector<Tensor> all_heads, const Shares& shares, comm::Comm& comm,
                                  const char* purpose);

/// n tensors [B, H_mine, N, E] -> [B, H, L, E], heads_of_projection of one [B, L, n H E]. By value too. Sends
/// n B H_mine E elements for each token of others.
std::vector<Tensor> gather_heads(std::vector<Tensor> all_tokens, const Shares& shares, comm::Comm& comm,
                                 const char* purpose);

}  // namespace seqvit::parallel
