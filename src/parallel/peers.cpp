#include "parallel/peers.h"

#include <numeric>

#include "parallel/collectives.h"

namespace seqvit::parallel {

Tensor Peers::widen(const Tensor& u_BLD) const {
  return all_gather({u_BLD}, 1, token_counts_, tensor_, "tp")[0];
}

int64_t Peers::widened_begin(int64_t mine) const {
  return mine - std::accumulate(token_counts_.begin(), token_counts_.begin() + tensor_.rank(), int64_t{0});
}

Tensor Peers::narrow(const Tensor& part_BND, bool unread) const {
  return reduce_scatter(part_BND, 1, token_counts_, tensor_, "tp", unread);
}

}  // namespace seqvit::parallel
