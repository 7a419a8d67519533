// Operators on the test devices. Allocation, copies and views are written here; everything else runs on the
// CPU: libtorch's fallback copies its tensors there and back, and those copies are the accesses of the
// kernel.
#include <set>
#include <string>

#include <ATen/EmptyTensor.h>
#include <ATen/core/Tensor.h>
#include <ATen/native/CPUFallback.h>
#include <ATen/ops/_local_scalar_dense.h>
#include <ATen/ops/_reshape_alias_native.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/view_native.h>
#include <fmt/format.h>
#include <torch/library.h>

#include "device/memory.h"
#include "device/reports.h"

namespace seqvit::test_device {
namespace {

using at::Tensor;

/// The kernel that this thread is in, null outside of any.
thread_local const char* kernel_here = nullptr;

StreamOf stream_on(const Tensor& t) {
  return current_stream(t.device().index());
}

/// The same elements where the device may look at them.
Tensor as_host(const Tensor& t) {
  if (t.is_cpu()) return t;
  void* data = t.numel() > 0 ? on_host(t.const_data_ptr()) : nullptr;
  return at::from_blob(data, t.sizes(), t.strides(), t.options().device(at::kCPU).requires_grad(false));
}

void touch(const Tensor& t, bool writes) {
  if (t.is_cpu() || t.numel() == 0) return;
  int64_t last = 0;
  for (int64_t d = 0; d < t.dim(); ++d)
    last += (t.size(d) - 1) * t.stride(d);
  access(stream_on(t), t.const_data_ptr(), static_cast<size_t>(last + 1) * t.element_size(), writes);
}

void wait_for_host(StreamOf stream, const char* what) {
  host_waits(stream.device, record_event(stream), what);
}

Tensor copy_from(const Tensor& from, const Tensor& to, bool non_blocking) {
  const StreamOf stream = stream_on(from.is_cpu() ? to : from);
  launch(stream, kernel_here != nullptr ? kernel_here : "copy_");
  touch(from, false), touch(to, true);
  {
    const at::AutoDispatchBelowADInplaceOrView guard;
    as_host(to).copy_(as_host(from));
  }
  if (kernel_here != nullptr) return to;
  count_kernel(stream.device, "copy_");
  if (!from.is_cpu() && !to.is_cpu()) return to;
  count_copied(stream.device, static_cast<int64_t>(to.nbytes()), to.is_cpu());
  const bool on_pages = is_pinned((from.is_cpu() ? from : to).const_data_ptr());
  if (!non_blocking || !on_pages)
    wait_for_host(stream, to.is_cpu() ? "copy to the host" : "copy to the device");
  return to;
}

Tensor copy_from_and_resize(const Tensor& from, const Tensor& to) {
  if (to.sizes() != from.sizes()) to.resize_(from.sizes());
  return copy_from(from, to, false);
}

at::Scalar local_scalar_dense(const Tensor& t) {
  launch(stream_on(t), "item");
  touch(t, false);
  wait_for_host(stream_on(t), "item");
  return at::_local_scalar_dense(as_host(t));
}

Tensor empty_memory_format(c10::SymIntArrayRef size, std::optional<c10::ScalarType> type,
                           std::optional<c10::Layout>, std::optional<c10::Device> device, std::optional<bool>,
                           std::optional<c10::MemoryFormat> format) {
  const c10::OptionalDeviceGuard guard(device);
  return at::detail::empty_generic(C10_AS_INTARRAYREF_SLOW(size), &device_allocator(),
                                   c10::DispatchKeySet(c10::DispatchKey::PrivateUse1),
                                   c10::dtype_or_default(type), format);
}
Tensor empty_strided(c10::SymIntArrayRef size, c10::SymIntArrayRef stride,
                     std::optional<c10::ScalarType> type, std::optional<c10::Layout>,
                     std::optional<c10::Device> device, std::optional<bool>) {
  const c10::OptionalDeviceGuard guard(device);
  return at::detail::empty_strided_generic(
      C10_AS_INTARRAYREF_SLOW(size), C10_AS_INTARRAYREF_SLOW(stride), &device_allocator(),
      c10::DispatchKeySet(c10::DispatchKey::PrivateUse1), c10::dtype_or_default(type));
}

const Tensor& resize(const Tensor& t, c10::SymIntArrayRef size, std::optional<c10::MemoryFormat>) {
  auto* impl = t.unsafeGetTensorImpl();
  impl->set_sizes_contiguous(C10_AS_INTARRAYREF_SLOW(size));
  const size_t bytes = static_cast<size_t>(impl->numel() + impl->storage_offset()) * impl->itemsize();
  if (t.storage().nbytes() < bytes) resize_storage(t.storage(), bytes);
  return t;
}
Tensor& set_storage(Tensor& t, at::Storage source, c10::SymInt offset, c10::SymIntArrayRef size,
                    c10::SymIntArrayRef stride) {
  auto* impl = t.unsafeGetTensorImpl();
  impl->set_storage_keep_dtype(std::move(source));
  impl->set_sizes_and_strides(C10_AS_INTARRAYREF_SLOW(size), C10_AS_INTARRAYREF_SLOW(stride),
                              offset.expect_int());
  return t;
}
Tensor as_strided(const Tensor& t, c10::SymIntArrayRef size, c10::SymIntArrayRef stride,
                  std::optional<c10::SymInt> offset) {
  return at::native::as_strided_tensorimpl(
      t, C10_AS_INTARRAYREF_SLOW(size), C10_AS_INTARRAYREF_SLOW(stride),
      offset ? std::optional<int64_t>(offset->expect_int()) : std::nullopt);
}
Tensor view(const Tensor& t, c10::SymIntArrayRef size) {
  return at::native::view(t, C10_AS_INTARRAYREF_SLOW(size));
}
Tensor reshape_alias(const Tensor& t, c10::SymIntArrayRef size, c10::SymIntArrayRef stride) {
  return at::native::_reshape_alias(t, C10_AS_INTARRAYREF_SLOW(size), C10_AS_INTARRAYREF_SLOW(stride));
}
void record_stream(Tensor& t, c10::Stream stream) {
  record_use(t.storage().data(), {stream.device_index(), static_cast<int>(stream.id())});
}

/// As on a GPU: all tensors lie on one device, but for numbers (tensors of no dimension) of the CPU. Returns
/// the device.
int check_devices(const c10::OperatorHandle& op, const torch::jit::Stack& stack) {
  std::set<std::string> found;
  int device = current_stream().device;
  const auto look = [&](const Tensor& t) {
    if (!t.defined() || (t.is_cpu() && t.dim() == 0)) return;
    found.insert(t.device().str());
    if (!t.is_cpu()) device = t.device().index();
  };
  for (const auto& value : torch::jit::last(stack, op.schema().arguments().size())) {
    if (value.isTensor()) look(value.toTensor());
    if (value.isTensorList()) {
      for (const Tensor& t : value.toTensorVector())
        look(t);
    }
    if (value.isOptionalTensorList()) {
      for (const auto& t : value.toOptionalTensorVector())
        if (t) look(*t);
    }
  }
  if (found.size() < 2) return device;
  const std::string text =
      fmt::format("{}: tensors on {} and {}", op.schema().name(), *found.begin(), *found.rbegin());
  report(text);
  TORCH_CHECK(false, text);
}

/// Operators whose result, a number or a size, must be known to the host.
bool makes_the_host_wait(const c10::FunctionSchema& schema) {
  static const std::set<std::string> by_size = {"aten::nonzero", "aten::masked_select", "aten::_unique2"};
  if (by_size.contains(schema.name())) return true;
  for (const auto& result : schema.returns()) {
    const auto kind = result.type()->kind();
    if (kind == c10::TypeKind::BoolType || kind == c10::TypeKind::NumberType) return true;
  }
  return false;
}

void on_the_cpu(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const StreamOf stream = current_stream(check_devices(op, *stack));
  const char* name = op.schema().name().c_str();
  count_kernel(stream.device, name);
  struct Inside {
    const char* outer;
    ~Inside() { kernel_here = outer; }
  } inside{std::exchange(kernel_here, name)};
  const c10::DeviceGuard guard(device(stream.device));
  at::native::cpu_fallback(op, stack);
  if (makes_the_host_wait(op.schema())) wait_for_host(stream, name);
}

TORCH_LIBRARY_IMPL(_, PrivateUse1, m) {
  m.fallback(torch::CppFunction::makeFromBoxedFunction<&on_the_cpu>());
}
TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  m.impl("empty.memory_format", &empty_memory_format);
  m.impl("empty_strided", &empty_strided);
  m.impl("_copy_from", &copy_from);
  m.impl("_copy_from_and_resize", &copy_from_and_resize);
  m.impl("_local_scalar_dense", &local_scalar_dense);
  m.impl("resize_", &resize);
  m.impl("set_.source_Storage_storage_offset", &set_storage);
  m.impl("as_strided", &as_strided);
  m.impl("view", &view);
  m.impl("_reshape_alias", &reshape_alias);
  m.impl("record_stream", &record_stream);
}

}  // namespace
}  // namespace seqvit::test_device
