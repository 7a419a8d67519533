/// Collectives that autograd can pass through: the backward of a gather is a sum-and-scatter, and the other
/// way round. On one rank they return their input. (Ulysses' exchange is in exchange.h.)
///
/// Sums of gradients are made in fp32 (fp64 for fp64), whatever the type of the tokens. Parts of ranks may
/// differ in size.
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "comm/comm.h"

namespace seqvit::parallel {

/// One packed all-gather of several tensors along dim `dim`, counts[r] from rank r; backward sums over ranks
/// and keeps my part. Sends numel x (P - 1) elements forward, (whole - mine) backward.
std::vector<Tensor> all_gather(const std::vector<Tensor>& tensors, int64_t dim, const comm::Counts& counts,
                               comm::Comm& comm, const char* purpose);

/// Sum over ranks of x, of which each rank keeps counts[rank] along dim `dim`, in the type that sums are made
/// in; the mirror image of all_gather. With `unread` the sum is not made (zeros): for a second run of which
/// only the gradient counts.
Tensor reduce_scatter(const Tensor& x, int64_t dim, const comm::Counts& counts, comm::Comm& comm,
                      const char* purpose, bool unread = false);

}  // namespace seqvit::parallel
