#include "parallel/exchange.h"

#include <algorithm>
#include <utility>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/split_heads.h"

namespace seqvit::parallel {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t kHead = 1, kToken = 2;  // of [B, H, tokens, E]

/// What all tensors of an exchange have in common.
struct Like {
  explicit Like(const Tensor& t) : batch(t.size(0)), width(t.size(3)), options(t.options()) {}

  int64_t batch, width;
  at::TensorOptions options;
};

/// The n tensors [B, heads, tokens, E] that a message holds.
std::vector<Tensor> tensors_of(const Tensor& message, int64_t n, const Like& like, int64_t heads,
                               int64_t tokens) {
  return message.view({tokens, n, like.batch, heads, like.width}).permute({1, 2, 3, 0, 4}).unbind(0);
}

bool same_place(const Tensor& a, const Tensor& b) {
  if (a.const_data_ptr() != b.const_data_ptr()) return false;
  for (int64_t dim = 0; dim < a.dim(); ++dim) {
    if (a.size(dim) > 1 && a.stride(dim) != b.stride(dim)) return false;
  }
  return true;
}

/// Tensors with all tokens as one message: where they lie, if they lie so.
Tensor message_of(const std::vector<Tensor>& tensors) {
  const Tensor& first = tensors[0];
  const auto n = static_cast<int64_t>(tensors.size());
  const int64_t elements = n * first.numel();
  auto parts_of = [&](const Tensor& message) {
    return tensors_of(message, n, Like(first), first.size(kHead), first.size(kToken));
  };
  const int64_t room = static_cast<int64_t>(first.storage().nbytes()) / first.element_size();
  if (first.storage_offset() + elements <= room) {
    const Tensor there = first.as_strided({elements}, {1});
    const auto parts = parts_of(there);
    if (std::equal(parts.begin(), parts.end(), tensors.begin(), same_place)) return there;
  }
  const Tensor message = at::empty({elements}, first.options());
  const auto parts = parts_of(message);
  for (size_t i = 0; i < parts.size(); ++i)
    parts[i].copy_(tensors[i]);
  return message;
}

/// What the exchange needs to know, forward and backward.
class Exchange : public torch::CustomClassHolder {
 public:
  Exchange(Shares shares, comm::Comm& comm, const char* purpose)
      : shares_(std::move(shares)),
        comm_(comm),
        purpose_(purpose),
        my_heads_(shares_.heads[comm.rank()]),
        my_tokens_(shares_.tokens[comm.rank()]) {}

  std::vector<Tensor> gather_tokens(std::vector<Tensor> all_heads) const {
    const Like like(all_heads[0]);
    std::vector<Tensor> out;
    for (std::vector<Tensor>& group : groups(std::move(all_heads), like)) {
      const auto n = static_cast<int64_t>(group.size());
      const comm::Counts send = of_my_tokens(n, like);
      const Tensor messages = at::empty({comm::total(send)}, like.options);
      for_each_message(group, messages, like,
                       [](const Tensor& part, const Tensor& in_message) { in_message.copy_(part); });
      group.clear();
      const Tensor received = comm_.all_to_all(messages, send, of_my_heads(n, like), purpose_).wait();
      for (Tensor& tensor : tensors_of(received, n, like, my_heads_, comm::total(shares_.tokens)))
        out.push_back(std::move(tensor));
    }
    return out;
  }

  std::vector<Tensor> gather_heads(std::vector<Tensor> all_tokens) const {
    const Like like(all_tokens[0]);
    const auto all = static_cast<int64_t>(all_tokens.size());
    const int64_t heads = comm::total(shares_.heads);
    const auto out = ops::heads_of_projection(
        at::empty({like.batch, my_tokens_, all * heads * like.width}, like.options), all, heads);
    auto next = out.begin();
    for (std::vector<Tensor>& group : groups(std::move(all_tokens), like)) {
      const auto n = static_cast<int64_t>(group.size());
      const Tensor message = message_of(group);
      group.clear();
      const Tensor received =
          comm_.all_to_all(message, of_my_heads(n, like), of_my_tokens(n, like), purpose_).wait();
      for_each_message({next, next + n}, received, like,
                       [](const Tensor& part, const Tensor& in_message) { part.copy_(in_message); });
      next += n;
    }
    return out;
  }

 private:
  Shares shares_;
  comm::Comm& comm_;
  const char* purpose_;
  int64_t my_heads_, my_tokens_;

  /// Elements between each rank and me of n tensors: its tokens of my heads,
  comm::Counts of_my_heads(int64_t n, const Like& like) const {
    comm::Counts counts;
    for (const int64_t tokens : shares_.tokens)
      counts.push_back(n * like.batch * my_heads_ * tokens * like.width);
    return counts;
  }
  /// and its heads of my tokens.
  comm::Counts of_my_tokens(int64_t n, const Like& like) const {
    comm::Counts counts;
    for (const int64_t heads : shares_.heads)
      counts.push_back(n * like.batch * heads * my_tokens_ * like.width);
    return counts;
  }

  /// Tensors that travel in one message. The same ones on every rank, so it goes by what a rank has on
  /// average.
  std::vector<std::vector<Tensor>> groups(std::vector<Tensor> tensors, const Like& like) const {
    const int64_t bytes = like.batch * comm::total(shares_.heads) * comm::total(shares_.tokens) * like.width *
                          tensors[0].element_size() / comm_.size();
    const auto size = static_cast<size_t>(tensors_in_message(bytes));
    std::vector<std::vector<Tensor>> result;
    for (size_t i = 0; i < tensors.size(); ++i) {
      if (i % size == 0) result.emplace_back();
      result.back().push_back(std::move(tensors[i]));
    }
    return result;
  }

  /// Copies between n tensors with all heads and the messages of each rank's heads, which lie one behind the
  /// other in `messages`.
  template <typename Copy>
  void for_each_message(const std::vector<Tensor>& all_heads, const Tensor& messages, const Like& like,
                        Copy copy) const {
    const auto n = static_cast<int64_t>(all_heads.size());
    const comm::Counts elements = of_my_tokens(n, like);
    int64_t at = 0, head = 0;
    for (size_t rank = 0; rank < elements.size(); ++rank) {
      const int64_t heads = shares_.heads[rank];
      const auto parts = tensors_of(messages.narrow(0, at, elements[rank]), n, like, heads, my_tokens_);
      for (size_t i = 0; i < parts.size(); ++i)
        copy(all_heads[i].narrow(kHead, head, heads), parts[i]);
      at += elements[rank], head += heads;
    }
  }
};

using Gather = std::vector<Tensor> (Exchange::*)(std::vector<Tensor>) const;

/// A direction, whose backward is the other.
template <Gather kForward, Gather kBackward>
struct GatherFunction : torch::autograd::Function<GatherFunction<kForward, kBackward>> {
  static variable_list forward(AutogradContext* ctx, at::TensorList tensors,
                               const c10::intrusive_ptr<Exchange>& exchange) {
    ctx->saved_data["exchange"] = c10::IValue::make_capsule(exchange);
    return ((*exchange).*kForward)(tensors.vec());
  }
  static variable_list backward(AutogradContext* ctx, variable_list& grads) {
    const auto exchange =
        c10::static_intrusive_pointer_cast<Exchange>(ctx->saved_data["exchange"].toCapsule());
    variable_list out = ((*exchange).*kBackward)(std::move(grads));
    out.emplace_back();
    return out;
  }
};

template <Gather kForward, Gather kBackward>
std::vector<Tensor> gather(std::vector<Tensor> tensors, const Shares& shares, comm::Comm& comm,
                           const char* purpose) {
  if (comm.size() == 1) return tensors;
  const auto exchange = c10::make_intrusive<Exchange>(shares, comm, purpose);
  if (!at::GradMode::is_enabled()) return ((*exchange).*kForward)(std::move(tensors));
  return GatherFunction<kForward, kBackward>::apply(at::TensorList(tensors), exchange);
}

constexpr Gather kTokens = &Exchange::gather_tokens, kHeads = &Exchange::gather_heads;

}  // namespace

std::vector<Tensor> gather_tokens(std::vector<Tensor> all_heads, const Shares& shares, comm::Comm& comm,
                                  const char* purpose) {
  return gather<kTokens, kHeads>(std::move(all_heads), shares, comm, purpose);
}

std::vector<Tensor> gather_heads(std::vector<Tensor> all_tokens, const Shares& shares, comm::Comm& comm,
                                 const char* purpose) {
  return gather<kHeads, kTokens>(std::move(all_tokens), shares, comm, purpose);
}

}  // namespace seqvit::parallel
