#include "parallel/ring.h"

#include <optional>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/logaddexp.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/tensor.h"
#include "ops/attention.h"
#include "ops/recompute.h"
#include "parallel/collectives.h"

namespace seqvit::parallel {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Pairs of [B, H, M, E] tensors that travel as one flat vector: keys and values, or their gradients.
struct Block {
  Tensor k, v;
};

Tensor pack(const Block& block) {
  return at::cat({block.k.flatten(), block.v.flatten()});
}

Block unpack(const Tensor& flat, const Tensor& like, int64_t tokens) {
  std::vector<int64_t> shape = like.sizes().vec();
  shape[2] = tokens;
  const auto halves = flat.chunk(2);
  return {halves[0].view(shape), halves[1].view(shape)};
}

/// The ring as seen from one rank: whose block is here at each hop, and how blocks are passed on.
class Ring {
 public:
  Ring(comm::Comm& comm, const comm::Counts& counts, const Tensor& like)
      : comm_(comm), counts_(counts), like_(like) {}

  int hops() const { return comm_.size(); }
  /// Tokens of the block that is here after `hop` hops: that of rank - hop.
  int64_t tokens(int hop) const { return counts_[(comm_.rank() + comm_.size() - hop) % comm_.size()]; }
  /// Starts to pass on the block of `hop` and to receive that of the next.
  comm::Pending pass(const Tensor& flat, int hop) const {
    const int next = (comm_.rank() + 1) % comm_.size(),
              previous = (comm_.rank() + comm_.size() - 1) % comm_.size();
    return comm_.send_recv(flat, next, previous, 2 * like_.numel() / like_.size(2) * tokens(hop + 1), "ring");
  }
  Block open(const Tensor& flat, int hop) const { return unpack(flat, like_, tokens(hop)); }

 private:
  comm::Comm& comm_;
  const comm::Counts& counts_;
  const Tensor& like_;
};

/// out, lse of my queries over all blocks.
std::vector<Tensor> ring_forward(const Ring& ring, const Tensor& q, const Block& mine) {
  Tensor flat = pack(mine), out, lse;
  for (int hop = 0; hop < ring.hops(); ++hop) {
    std::optional<comm::Pending> next;
    if (hop + 1 < ring.hops()) next = ring.pass(flat, hop);
    const Block block = ring.open(flat, hop);
    const auto [part, part_lse] = ops::attention_forward(q, block.k, block.v);
    if (hop == 0) {
      out = part.to(sum_type(q)), lse = part_lse;
    } else {
      const Tensor merged = at::logaddexp(lse, part_lse);
      out.mul_((lse - merged).exp_().unsqueeze(-1)).addcmul_(part, (part_lse - merged).exp_().unsqueeze(-1));
      lse = merged;
    }
    if (next) flat = next->wait();
  }
  return {out.to(q.scalar_type()), lse};
}

/// Gradients of my queries, keys and values. The gradient of a block starts on the first rank that it visits
/// and is home when all others have added their part; then its own rank adds its own. So it makes one hop
/// less than a full circle, and what is under way is all that is held of it.
variable_list ring_backward(const Ring& ring, const Tensor& grad, const Tensor& q, const Block& mine,
                            const Tensor& out, const Tensor& lse) {
  const auto type = sum_type(q);
  Tensor dq, flat = ring.pass(pack(mine), 0).wait();
  Tensor gradient;                        // of the block that is here, by the ranks it has visited
  std::optional<comm::Pending> arriving;  // the same, while it is under way
  for (int hop = 1; hop <= ring.hops(); ++hop) {
    const bool is_home = hop == ring.hops();
    std::optional<comm::Pending> next;
    if (hop + 1 < ring.hops()) next = ring.pass(flat, hop);
    const Block block = is_home ? mine : ring.open(flat, hop);
    const ops::AttentionGradients part = ops::attention_backward(grad, q, block.k, block.v, out, lse);
    dq = hop == 1 ? part.q.to(type, /*non_blocking=*/false, /*copy=*/true) : dq.add_(part.q);
    gradient = arriving ? arriving->wait() : at::zeros(flat.sizes(), flat.options().dtype(type));
    const Block sum = ring.open(gradient, hop);
    sum.k.add_(part.k), sum.v.add_(part.v);
    if (!is_home) arriving = ring.pass(gradient, hop);
    flat = next ? next->wait() : Tensor();
  }
  const Block sum = ring.open(gradient, ring.hops());
  return {dq.to(q.scalar_type()), sum.k.to(q.scalar_type()), sum.v.to(q.scalar_type())};
}

/// What backward needs again.
struct Ranks : torch::CustomClassHolder {
  Ranks(comm::Comm& c, comm::Counts n) : comm(c), token_counts(std::move(n)) {}
  comm::Comm& comm;
  comm::Counts token_counts;
};

struct RingFunction : torch::autograd::Function<RingFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& q, const Tensor& k, const Tensor& v,
                        const c10::intrusive_ptr<Ranks>& ranks) {
    const Ring ring(ranks->comm, ranks->token_counts, k);
    const auto kept = ops::remember([&] { return ring_forward(ring, q, {k, v}); });
    ctx->save_for_backward({q, k, v, kept[0], kept[1]});
    ctx->saved_data["ranks"] = c10::IValue::make_capsule(ranks);
    return kept[0];
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto s = ctx->get_saved_variables();
    const auto ranks = c10::static_intrusive_pointer_cast<Ranks>(ctx->saved_data["ranks"].toCapsule());
    const Ring ring(ranks->comm, ranks->token_counts, s[1]);
    variable_list out = ring_backward(ring, grads[0], s[0], {s[1], s[2]}, s[3], s[4]);
    out.emplace_back();
    return out;
  }
};

class RingAttention final : public SequenceParallel {
 public:
  RingAttention(comm::Comm& comm, comm::Counts token_counts)
      : ranks_(c10::make_intrusive<Ranks>(comm, std::move(token_counts))) {}
  Tensor attend(Tensor q, Tensor k, Tensor v) const override {
    if (ranks_->comm.size() == 1) return ops::attention(q, k, v);
    return RingFunction::apply(q, k, v, ranks_);
  }

 private:
  c10::intrusive_ptr<Ranks> ranks_;
};

}  // namespace

std::unique_ptr<SequenceParallel> make_ring(comm::Comm& comm, comm::Counts token_counts) {
  return std::make_unique<RingAttention>(comm, std::move(token_counts));
}

}  // namespace seqvit::parallel
