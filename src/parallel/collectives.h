/// Collectives that autograd can pass through. Each is its own mirror image: the backward of an exchange is
/// the exchange back, of a gather a sum-and-scatter. On one rank they return their input.
///
/// Sums of gradients are made in fp32 (fp64 for fp64), whatever the type of the tokens. Parts of ranks may
/// differ in size.
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "comm/comm.h"

namespace seqvit {

/// One packed all-to-all for several tensors of equal rank: each is cut along dim `split` into parts of
/// split_counts[r] for rank r, and what arrives is put together along dim `concat`, concat_counts[r] from
/// rank r. In: split is whole, concat is my part (concat_counts[rank]). Out: split is my part
/// (split_counts[rank]), concat is whole. Sends to each other rank its part of every tensor; as much again
/// backward.
std::vector<Tensor> all_to_all(const std::vector<Tensor>& tensors, int64_t split, const Counts& split_counts,
                               int64_t concat, const Counts& concat_counts, Comm& comm, const char* purpose);

/// One packed all-gather of several tensors along dim `dim`, counts[r] from rank r; backward sums over ranks
/// and keeps my part. Sends numel x (P - 1) elements forward, (whole - mine) backward.
std::vector<Tensor> all_gather(const std::vector<Tensor>& tensors, int64_t dim, const Counts& counts,
                               Comm& comm, const char* purpose);

/// Sum over ranks of x, of which each rank keeps counts[rank] along dim `dim`, in the type that sums are made
/// in; the mirror image of all_gather. With `unread` the sum is not made (zeros): for a second run of which
/// only the gradient counts.
Tensor reduce_scatter(const Tensor& x, int64_t dim, const Counts& counts, Comm& comm, const char* purpose,
                      bool unread = false);

}  // namespace seqvit
