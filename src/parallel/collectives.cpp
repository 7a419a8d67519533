#include "parallel/collectives.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/error.h"
#include "core/tensor.h"
#include "parallel/cut.h"

namespace seqvit::parallel {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

std::vector<int64_t> with_size(const Tensor& like, int64_t dim, int64_t size) {
  std::vector<int64_t> shape = like.sizes().vec();
  shape[dim] = size;
  return shape;
}

/// Copies between whole tensors and a flat buffer laid out as [rank][tensor][part of the rank]: where each
/// part of each tensor begins along `dim`, and its length there.
template <typename Copy>
void for_each_part(const std::vector<Tensor>& tensors, int64_t dim, const comm::Counts& counts,
                   const Tensor& buffer, Copy copy) {
  int64_t at = 0, begin = 0;
  for (const int64_t count : counts) {
    for (const Tensor& tensor : tensors) {
      const auto shape = with_size(tensor, dim, count);
      copy(tensor.narrow(dim, begin, count), buffer.narrow(0, at, elements_of(shape)).view(shape));
      at += elements_of(shape);
    }
    begin += count;
  }
}

/// Elements of all tensors together in each rank's part along `dim`.
comm::Counts part_sizes(const std::vector<Tensor>& tensors, int64_t dim, const comm::Counts& counts) {
  comm::Counts sizes;
  for (const int64_t count : counts) {
    int64_t size = 0;
    for (const Tensor& tensor : tensors)
      size += elements_of(with_size(tensor, dim, count));
    sizes.push_back(size);
  }
  return sizes;
}

Tensor pack(const std::vector<Tensor>& tensors, int64_t dim, const comm::Counts& counts) {
  const Tensor buffer = at::empty({comm::total(part_sizes(tensors, dim, counts))}, tensors[0].options());
  for_each_part(tensors, dim, counts, buffer,
                [](const Tensor& part, const Tensor& packed) { packed.copy_(part); });
  return buffer;
}

void unpack(const Tensor& buffer, int64_t dim, const comm::Counts& counts, const std::vector<Tensor>& out) {
  for_each_part(out, dim, counts, buffer,
                [](const Tensor& part, const Tensor& packed) { part.copy_(packed); });
}

/// What a collective needs again in backward.
struct Spec : torch::CustomClassHolder {
  comm::Comm* comm = nullptr;
  const char* purpose = "";
  int64_t dim = 0;
  comm::Counts counts;
};

c10::intrusive_ptr<Spec> spec_of(AutogradContext* ctx) {
  return c10::static_intrusive_pointer_cast<Spec>(ctx->saved_data["spec"].toCapsule());
}

std::vector<Tensor> gather_parts(const std::vector<Tensor>& tensors, const Spec& s) {
  std::vector<Tensor> out;
  for (const Tensor& tensor : tensors)
    out.push_back(at::empty(with_size(tensor, s.dim, comm::total(s.counts)), tensor.options()));
  const Tensor all = s.comm
                         ->all_gather(pack(tensors, s.dim, {s.counts[s.comm->rank()]}),
                                      part_sizes(out, s.dim, s.counts), s.purpose)
                         .wait();
  unpack(all, s.dim, s.counts, out);
  return out;
}

/// My part of the sum over ranks, in `type`.
std::vector<Tensor> sum_parts(const std::vector<Tensor>& tensors, const Spec& s, at::ScalarType type) {
  const Tensor mine = s.comm
                          ->reduce_scatter(pack(tensors, s.dim, s.counts).to(sum_type(tensors[0])),
                                           part_sizes(tensors, s.dim, s.counts), s.purpose)
                          .wait();
  const int64_t count = s.counts[s.comm->rank()];
  std::vector<Tensor> out;
  for (const Tensor& tensor : tensors)
    out.push_back(at::empty(with_size(tensor, s.dim, count), tensor.options().dtype(type)));
  unpack(mine, s.dim, {count}, out);
  return out;
}

struct AllGather : torch::autograd::Function<AllGather> {
  static variable_list forward(AutogradContext* ctx, at::TensorList tensors,
                               const c10::intrusive_ptr<Spec>& s) {
    ctx->saved_data["spec"] = c10::IValue::make_capsule(s);
    return gather_parts(tensors.vec(), *s);
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    variable_list out = sum_parts(grads, *spec_of(ctx), grads[0].scalar_type());
    out.emplace_back();
    return out;
  }
};

struct ReduceScatter : torch::autograd::Function<ReduceScatter> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const c10::intrusive_ptr<Spec>& s,
                        bool unread) {
    ctx->saved_data["spec"] = c10::IValue::make_capsule(s);
    ctx->saved_data["type"] = x.scalar_type();
    if (!unread) return sum_parts({x}, *s, sum_type(x))[0];
    const auto shape = with_size(x, s->dim, s->counts[s->comm->rank()]);
    return at::zeros({1}, x.options().dtype(sum_type(x))).expand(shape);
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto type = ctx->saved_data["type"].toScalarType();
    return {gather_parts({grads[0].to(type)}, *spec_of(ctx))[0], Tensor(), Tensor()};
  }
};

c10::intrusive_ptr<Spec> gather_spec(int64_t dim, const comm::Counts& counts, comm::Comm& comm,
                                     const char* purpose) {
  auto spec = c10::make_intrusive<Spec>();
  spec->comm = &comm;
  spec->purpose = purpose;
  spec->dim = dim, spec->counts = counts;
  return spec;
}

}  // namespace

std::vector<Tensor> all_gather(const std::vector<Tensor>& tensors, int64_t dim, const comm::Counts& counts,
                               comm::Comm& comm, const char* purpose) {
  if (comm.size() == 1) return tensors;
  return AllGather::apply(at::TensorList(tensors), gather_spec(dim, counts, comm, purpose));
}

Tensor reduce_scatter(const Tensor& x, int64_t dim, const comm::Counts& counts, comm::Comm& comm,
                      const char* purpose, bool unread) {
  if (comm.size() == 1) return x.to(sum_type(x));
  return ReduceScatter::apply(x, gather_spec(dim, counts, comm, purpose), unread);
}

}  // namespace seqvit::parallel
