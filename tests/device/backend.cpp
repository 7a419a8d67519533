// What libtorch asks of a backend beside operators: streams and events, allocators, the number of devices.
#include <mutex>
#include <stdexcept>

#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

#include "device/memory.h"
#include "device/test_device.h"

namespace seqvit::test_device {
namespace {

constexpr auto kType = c10::DeviceType::PrivateUse1;

c10::Device device_of(int index) {
  return {kType, static_cast<c10::DeviceIndex>(index)};
}
StreamOf stream_of(const c10::Stream& s) {
  return {s.device_index(), static_cast<int>(s.id())};
}
c10::Stream to_torch(StreamOf s) {
  return c10::Stream(c10::Stream::UNSAFE, device_of(s.device), s.stream);
}

struct Event {
  int device = 0;
  Clock clock{};
};

struct Guard final : c10::impl::DeviceGuardImplInterface {
  c10::DeviceType type() const override { return kType; }
  c10::Device exchangeDevice(c10::Device d) const override { return device_of(exchange_device(d.index())); }
  c10::Device getDevice() const override { return device_of(current_stream().device); }
  void setDevice(c10::Device d) const override { exchange_device(d.index()); }
  void uncheckedSetDevice(c10::Device d) const noexcept override { exchange_device(d.index()); }
  c10::Stream getStream(c10::Device d) const override { return to_torch(current_stream(index_of(d))); }
  c10::Stream getDefaultStream(c10::Device d) const override { return to_torch({index_of(d), 0}); }
  c10::Stream getStreamFromGlobalPool(c10::Device d, bool) const override {
    return to_torch(next_stream(index_of(d)));
  }
  c10::Stream exchangeStream(c10::Stream s) const override {
    return to_torch({s.device_index(), exchange_stream(stream_of(s))});
  }
  /// A number that nccl.cpp reads back: not null.
  void* getStreamNativeHandle(const c10::Stream s) const override {
    return reinterpret_cast<void*>(1 + static_cast<intptr_t>(s.device_index()) * kStreams + s.id());
  }
  void destroyEvent(void* event, const c10::DeviceIndex) const noexcept override {
    delete static_cast<Event*>(event);
  }
  void record(void** event, const c10::Stream& s, const c10::DeviceIndex,
              const c10::EventFlag) const override {
    if (*event == nullptr) *event = new Event;
    *static_cast<Event*>(*event) = {s.device_index(), record_event(stream_of(s))};
  }
  void block(void* event, const c10::Stream& s) const override {
    if (event != nullptr) wait_for(stream_of(s), static_cast<Event*>(event)->clock);
  }
  bool queryEvent(void* event) const override {
    if (event == nullptr) return true;
    const auto& [device, clock] = *static_cast<Event*>(event);
    if (!ends(device, clock)) return false;
    host_waits(device, clock, "event");
    return true;
  }
  bool queryStream(const c10::Stream& s) const override {
    return ends(s.device_index(), record_event(stream_of(s)));
  }
  void synchronizeEvent(void* event) const override {
    if (event != nullptr)
      host_waits(static_cast<Event*>(event)->device, static_cast<Event*>(event)->clock, "event");
  }
  void synchronizeStream(const c10::Stream& s) const override {
    host_waits(s.device_index(), record_event(stream_of(s)), "stream");
  }
  void synchronizeDevice(const c10::DeviceIndex device) const override {
    for (int stream = 0; stream < kStreams; ++stream)
      host_waits(device, record_event({device, stream}), "device");
  }
  c10::DeviceIndex deviceCount() const noexcept override { return kDevices; }
  void recordDataPtrOnStream(const c10::DataPtr& p, const c10::Stream& s) const override {
    record_use(p.get(), stream_of(s));
  }

 private:
  static int index_of(c10::Device d) { return d.has_index() ? d.index() : current_stream().device; }
};
C10_REGISTER_GUARD_IMPL(PrivateUse1, Guard);

struct Hooks final : at::PrivateUse1HooksInterface {
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  c10::DeviceIndex deviceCount() const override { return kDevices; }
  c10::DeviceIndex getCurrentDevice() const override {
    return static_cast<c10::DeviceIndex>(current_stream().device);
  }
  void setCurrentDevice(c10::DeviceIndex d) const override { exchange_device(d); }
  c10::DeviceIndex exchangeDevice(c10::DeviceIndex d) const override {
    return static_cast<c10::DeviceIndex>(exchange_device(d));
  }
  c10::DeviceIndex maybeExchangeDevice(c10::DeviceIndex d) const override { return exchangeDevice(d); }
  c10::Allocator* getPinnedMemoryAllocator() const override { return &pinned_allocator(); }
  bool isPinnedPtr(const void* p) const override { return is_pinned(p); }
  void resizePrivateUse1Bytes(const c10::Storage& storage, size_t bytes) const override {
    resize_storage(storage, bytes);
  }
};

void install() {
  map_memory();
  static Hooks hooks;
  c10::register_privateuse1_backend("testdevice");
  c10::SetAllocator(kType, &device_allocator());
  at::RegisterPrivateUse1HooksInterface(&hooks);
}

}  // namespace

c10::Device device(int index) {
  static std::once_flag once;
  std::call_once(once, install);
  if (index < 0 || index >= kDevices) throw std::out_of_range("test device: there are eight");
  return device_of(index);
}

}  // namespace seqvit::test_device
