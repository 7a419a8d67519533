#include "ops/recompute.h"

#include <cmath>
#include <memory>
#include <optional>
#include <utility>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/error.h"

namespace seqvit::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// What one recomputed part keeps between its two runs.
struct Frame : torch::CustomClassHolder {
  std::function<Tensor(const Tensor&)> body;
  bool keeps = false;
  bool replaying = false;
  ActivationStore* store = nullptr;
  bool shape_only = false;              ///< of the input, in the second run
  std::vector<std::vector<Kept>> kept;  ///< results of `remember`, in their order
  std::optional<Kept> input;
  std::vector<int64_t> shape;  ///< of the input
  at::TensorOptions options;
  size_t next = 0;                   ///< of `kept`, in the second run
  Tensor gradient;                   ///< of the part's result
  const void* input_data = nullptr;  ///< where the input that the second run is given lies
};

/// The innermost recomputed part that runs on this thread. libtorch runs the backward of CPU tensors on the
/// thread that called it, so ranks that are threads do not meet here.
thread_local Frame* current = nullptr;

class Enter {
 public:
  explicit Enter(Frame* frame) : outer_(std::exchange(current, frame)) {}
  ~Enter() { current = outer_; }
  Enter(const Enter&) = delete;
  Enter& operator=(const Enter&) = delete;

 private:
  Frame* outer_;
};

/// Stands behind the second run's result and gives its gradient out of the frame, so that nobody holds it any
/// longer than the operation that takes it: at long sequences it is one of the largest tensors.
struct SeedFunction : torch::autograd::Function<SeedFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& y, const c10::intrusive_ptr<Frame>& frame) {
    ctx->saved_data["frame"] = c10::IValue::make_capsule(frame);
    return at::zeros({}, y.options());
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& /*of the zero*/) {
    const auto frame = c10::static_intrusive_pointer_cast<Frame>(ctx->saved_data["frame"].toCapsule());
    return {std::move(frame->gradient), Tensor()};
  }
};

/// Begins the second run of a part that takes its input as a tensor.
struct InputFunction : torch::autograd::Function<InputFunction> {
  static Tensor forward(AutogradContext*, const Tensor& /*leaf*/, const c10::intrusive_ptr<Frame>& frame) {
    const Tensor x = frame->input->read();
    return x.view_as(x);
  }
  static variable_list backward(AutogradContext*, variable_list grads) { return {grads[0], Tensor()}; }
};

struct RecomputeFunction : torch::autograd::Function<RecomputeFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const c10::intrusive_ptr<Frame>& frame) {
    ctx->saved_data["frame"] = c10::IValue::make_capsule(frame);
    const at::AutoGradMode no_graph(false);
    const Enter enter(frame.get());
    frame->input.emplace(x, frame->store);
    frame->shape = x.sizes().vec(), frame->options = x.options();
    return frame->body(x);
  }

  static variable_list backward(AutogradContext* ctx, variable_list& grads) {
    const auto frame = c10::static_intrusive_pointer_cast<Frame>(ctx->saved_data["frame"].toCapsule());
    // The shape of the input without its memory; takes the gradient. Who reads it as values shall see it.
    const Tensor leaf = at::full({1}, NAN, frame->options).expand(frame->shape).requires_grad_();
    frame->replaying = true;
    frame->gradient = std::move(grads[0]);
    Tensor seed;
    {
      const at::AutoGradMode graph(true);
      const Enter enter(frame.get());
      const Tensor x = frame->shape_only ? leaf : InputFunction::apply(leaf, frame);
      frame->input_data = x.const_data_ptr();
      seed = SeedFunction::apply(frame->body(x), frame);
    }
    torch::autograd::backward({seed}, {});
    frame->input->drop();  // after the results of `remember`, which were put later: a file is a stack
    return {leaf.grad(), Tensor()};
  }
};

struct Again : torch::CustomClassHolder {
  std::function<Tensor(const Tensor&)> f;
};

struct RunAgainFunction : torch::autograd::Function<RunAgainFunction> {
  /// `weights` stands for what f reads besides x and only says that a gradient is wanted.
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& /*weights*/,
                        const c10::intrusive_ptr<Again>& again) {
    ctx->saved_data["again"] = c10::IValue::make_capsule(again);
    ctx->save_for_backward({x});
    const at::AutoGradMode no_graph(false);
    return again->f(x);
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto again = c10::static_intrusive_pointer_cast<Again>(ctx->saved_data["again"].toCapsule());
    const Tensor x = ctx->get_saved_variables()[0];
    const Tensor leaf = x.detach().requires_grad_(x.requires_grad());
    Tensor y;
    {
      const at::AutoGradMode graph(true);
      y = again->f(leaf);
    }
    torch::autograd::backward({std::move(y)}, {grads[0]});
    return {leaf.grad(), Tensor(), Tensor()};
  }
};

}  // namespace

Tensor run_again(std::function<Tensor(const Tensor&)> f, const Tensor& x) {
  if (!at::GradMode::is_enabled()) return f(x);
  auto again = c10::make_intrusive<Again>();
  again->f = std::move(f);
  return RunAgainFunction::apply(x, at::zeros({}, x.options()).requires_grad_(), again);
}

Tensor recompute(Recompute mode, std::function<Tensor(const Tensor&)> f, const Tensor& x,
                 ActivationStore* store, TakesInput takes) {
  if (mode == Recompute::none || !at::GradMode::is_enabled()) return f(x);
  auto frame = c10::make_intrusive<Frame>();
  frame->body = std::move(f);
  frame->keeps = mode == Recompute::keep_attention;
  frame->store = store;
  frame->shape_only = store != nullptr && takes == TakesInput::by_values;
  return RecomputeFunction::apply(x, frame);
}

namespace {

bool is_input(const Tensor& x) {
  return recomputing() && x.const_data_ptr() == current->input_data && x.sizes() == current->shape;
}

}  // namespace

Tensor values(const Tensor& x) {
  return is_input(x) && current->shape_only ? current->input->read() : x;
}

std::function<Tensor()> part_input(const Tensor& x) {
  if (!is_input(x)) return nullptr;
  return [frame = c10::intrusive_ptr<Frame>::reclaim_copy(current)] { return frame->input->read(); };
}

bool recomputing() {
  return current != nullptr && current->replaying;
}

std::vector<Tensor> remember(const std::function<std::vector<Tensor>()>& compute) {
  if (current == nullptr || !current->keeps) return compute();
  if (current->replaying) {
    // Not before they are asked for: until then the part may hold other large tensors.
    check(current->next < current->kept.size(), "recomputation asks for more than the first run kept");
    std::vector<Kept>& kept = current->kept[current->next++];
    std::vector<Tensor> results(kept.size());
    for (size_t i = kept.size(); i-- > 0;)
      results[i] = kept[i].take();
    return results;
  }
  std::vector<Tensor> results = compute();
  std::vector<Kept>& kept = current->kept.emplace_back();
  for (const Tensor& t : results)
    kept.emplace_back(t, current->store);
  return results;
}

}  // namespace seqvit::ops
