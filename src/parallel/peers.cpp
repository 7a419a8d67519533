#include "parallel/peers.h"

#include "parallel/collectives.h"

namespace seqvit::parallel {

Tensor Peers::widen(const Tensor& u_BLD) const {
  return all_gather({u_BLD}, 1, token_counts_, tensor_, "tp")[0];
}

Tensor Peers::narrow(const Tensor& part_BND, bool unread) const {
  return reduce_scatter(part_BND, 1, token_counts_, tensor_, "tp", unread);
}

}  // namespace seqvit::parallel
