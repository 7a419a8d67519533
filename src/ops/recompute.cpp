#include "ops/recompute.h"

#include <memory>
#include <utility>

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/error.h"

namespace seqvit {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// What one recomputed part keeps between its two runs.
struct Frame : torch::CustomClassHolder {
  std::function<Tensor(const Tensor&)> body;
  bool keeps = false;
  bool replaying = false;
  size_t next = 0;
  std::vector<std::vector<Tensor>> kept;
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

struct RecomputeFunction : torch::autograd::Function<RecomputeFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const c10::intrusive_ptr<Frame>& frame) {
    ctx->save_for_backward({x});
    ctx->saved_data["frame"] = c10::IValue::make_capsule(frame);
    const at::AutoGradMode no_graph(false);
    const Enter enter(frame.get());
    return frame->body(x);
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto frame = c10::static_intrusive_pointer_cast<Frame>(ctx->saved_data["frame"].toCapsule());
    const Tensor x = ctx->get_saved_variables()[0].detach().requires_grad_();
    frame->replaying = true;
    Tensor y;
    {
      const at::AutoGradMode graph(true);
      const Enter enter(frame.get());
      y = frame->body(x);
    }
    frame->kept.clear();
    torch::autograd::backward({y}, {grads[0]});
    return {x.grad(), Tensor()};
  }
};

}  // namespace

Tensor recompute(Recompute mode, std::function<Tensor(const Tensor&)> f, const Tensor& x) {
  if (mode == Recompute::none || !at::GradMode::is_enabled()) return f(x);
  auto frame = c10::make_intrusive<Frame>();
  frame->body = std::move(f);
  frame->keeps = mode == Recompute::keep_attention;
  return RecomputeFunction::apply(x, frame);
}

bool recomputing() {
  return current != nullptr && current->replaying;
}

std::vector<Tensor> remember(const std::function<std::vector<Tensor>()>& compute) {
  if (current == nullptr || !current->keeps) return compute();
  if (current->replaying) {
    check(current->next < current->kept.size(), "recomputation asks for more than the first run kept");
    return current->kept[current->next++];
  }
  current->kept.push_back(compute());
  return current->kept.back();
}

}  // namespace seqvit
