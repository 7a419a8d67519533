#include "comm/phantom.h"

#include <algorithm>
#include <numeric>

#include "comm/checked.h"
#include "comm/elements.h"
#include "core/error.h"

namespace seqvit::comm {
namespace {

Tensor zeros(const Tensor& like, int64_t count) {
  return flat_empty(like, count).zero_();
}

/// `count` elements: x over and over, zeros where it has none.
Tensor repeated(const Tensor& x, int64_t count) {
  if (x.numel() == 0) return zeros(x, count);
  Tensor result = flat_empty(x, count);
  for (int64_t at = 0; at < count; at += x.numel())
    copy_elements(x, 0, result, at, std::min(x.numel(), count - at));
  return result;
}

Tensor part(const Tensor& x, int64_t begin, int64_t count) {
  Tensor result = flat_empty(x, count);
  copy_elements(x, begin, result, 0, count);
  return result;
}

class PhantomComm final : public CheckedComm {
 public:
  PhantomComm(int rank, std::vector<int> members) : CheckedComm(rank, std::move(members)) {}
  bool is_phantom() const override { return true; }

 private:
  /// The result is there at once. Until it is asked for, input and `received` are held, as while messages are
  /// under way.
  static Pending ready(Tensor result, const Tensor& input, Tensor received = {}) {
    return Pending([result = std::move(result), input, received = std::move(received)] { return result; });
  }

  Pending start_all_gather(const Call&, const Tensor& mine, const Counts& counts) override {
    return ready(repeated(mine, total(counts)), mine);
  }
  Pending start_reduce_scatter(const Call&, const Tensor& parts, const Counts& counts) override {
    // Everyone's part of my share arrives before it is summed.
    return ready(part(parts, offset(counts, rank()), counts[rank()]), parts,
                 flat_empty(parts, counts[rank()] * size()));
  }
  Pending start_all_reduce(const Call&, const Tensor& x) override {
    const int64_t share = (x.numel() + size() - 1) / size();
    return ready(part(x, 0, x.numel()), x, flat_empty(x, share * size()));
  }
  Pending start_all_to_all(const Call&, const Tensor& x, const Counts&, const Counts& receive) override {
    return ready(repeated(x, total(receive)), x);
  }
  Pending start_broadcast(const Call&, const Tensor& x, int root) override {
    return ready(root == rank() ? part(x, 0, x.numel()) : zeros(x, x.numel()), x);
  }
  Pending start_send_recv(const Call&, const Tensor& x, int, int from, int64_t count) override {
    // What I send to myself arrives.
    return ready(from == rank() ? part(x, 0, count) : zeros(x, count), x);
  }
  std::unique_ptr<Comm> make_group(int, int rank, std::vector<int> members) override {
    return std::make_unique<PhantomComm>(rank, std::move(members));
  }
};

}  // namespace

std::unique_ptr<Comm> make_phantom_comm(int size, int rank) {
  if (rank < 0 || rank >= size)
    fail(Exit::usage, "phantom rank {}: expected 0 to {}, a rank of the layout's {}", rank, size - 1, size);
  if (size == 1) return make_self_comm();
  std::vector<int> members(size);
  std::iota(members.begin(), members.end(), 0);
  return std::make_unique<PhantomComm>(rank, std::move(members));
}

}  // namespace seqvit::comm
