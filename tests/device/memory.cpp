#include "device/memory.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <execinfo.h>
#include <map>
#include <mutex>
#include <set>
#include <signal.h>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>
#include <sys/mman.h>

#include "device/reports.h"

namespace seqvit::test_device {
namespace {

constexpr size_t kRoom = size_t{1} << 35;  ///< addresses of a device; pages only where they are used
constexpr size_t kAlignment = 512;
constexpr int kNotANumber = 0xFF;  ///< each byte of a NaN of any type, and of -1

struct Access {
  int stream;
  int64_t kernel;  ///< its number on the stream
  size_t begin, end;
  bool writes;
  std::string name;
};
struct Block {
  size_t begin, bytes;
  int stream;              ///< that it was asked for on
  std::set<int> recorded;  ///< further ones that the allocator was told of
  std::vector<Access> accesses;
};
struct Device {
  Timeline timeline;
  std::map<size_t, Block> live;                                 // by begin
  std::map<std::pair<int, size_t>, std::vector<size_t>> spare;  // of a stream, by size
  size_t top = 0, held = 0, peak = 0;
  int next_stream = 0;
};

std::recursive_mutex mutex;
char *forbidden = nullptr, *readable = nullptr;
std::array<Device, kDevices> devices;
std::map<const char*, size_t> pinned;  // by begin
int count = 0;                         // not yet asked for

thread_local int device_now = 0;
thread_local std::array<int, kDevices> streams_now{};
thread_local const char* kernel_now = "?";

size_t place_of(const void* p) {
  return static_cast<size_t>(static_cast<const char*>(p) - forbidden);
}
bool owns(const void* p) {
  return forbidden != nullptr && p >= forbidden && place_of(p) < kDevices * kRoom;
}
Block* block_of(const void* p) {
  const size_t at = place_of(p);
  auto& live = devices[at / kRoom].live;
  auto next = live.upper_bound(at);
  if (next == live.begin()) return nullptr;
  Block& block = std::prev(next)->second;
  return at < block.begin + block.bytes ? &block : nullptr;
}

std::string describe(const char* kernel, int stream) {
  return fmt::format("{} on stream {}", kernel, stream);
}

/// An older access that the new one stands for from here on, or takes in.
bool merges(const Access& old, const Access& now) {
  if (old.stream != now.stream || old.writes != now.writes) return false;
  const bool inside = now.begin <= old.begin && old.end <= now.end,
             around = old.begin <= now.begin && now.end <= old.end;
  return inside || around;
}

void release(void* p) {
  const std::lock_guard lock(mutex);
  Device& device = devices[place_of(p) / kRoom];
  const auto found = device.live.find(place_of(p));
  if (found == device.live.end()) return report("memory given back twice");
  Block& block = found->second;
  for (const Access& a : block.accesses) {
    if (block.recorded.contains(a.stream) || device.timeline.is_done(a.stream, a.kernel, block.stream))
      continue;
    report(fmt::format(
        "memory of stream {} given back while {} may still use it: neither recorded nor waited for",
        block.stream, describe(a.name.c_str(), a.stream)));
  }
  std::memset(on_host(p), kNotANumber, block.bytes);
  device.held -= block.bytes;
  device.spare[{block.stream, block.bytes}].push_back(block.begin);
  device.live.erase(found);
}

class DeviceAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t asked) override {
    const std::lock_guard lock(mutex);
    const auto [index, stream] = current_stream();
    const c10::Device place(c10::DeviceType::PrivateUse1, static_cast<c10::DeviceIndex>(index));
    if (asked == 0) return {nullptr, place};
    Device& device = devices[index];
    const size_t bytes = (asked + kAlignment - 1) / kAlignment * kAlignment;
    auto& spare = device.spare[{stream, bytes}];
    size_t begin = index * kRoom + device.top;
    if (spare.empty()) {
      if (device.top + bytes > kRoom) throw std::runtime_error("test device: out of memory");
      device.top += bytes;
    } else {
      begin = spare.back();
      spare.pop_back();
    }
    device.live[begin] = {begin, bytes, stream, {}, {}};
    device.held += bytes;
    device.peak = std::max(device.peak, device.held);
    char* p = forbidden + begin;
    std::memset(on_host(p), kNotANumber, bytes);
    return {p, p, &release, place};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    std::memcpy(on_host(to), on_host(from), bytes);
  }
};

void release_pinned(void* p) {
  const std::lock_guard lock(mutex);
  pinned.erase(static_cast<char*>(p));
  std::free(p);
}

class PinnedAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    const c10::Device place(c10::DeviceType::CPU);
    if (bytes == 0) return {nullptr, place};
    const std::lock_guard lock(mutex);
    void* p = std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
    pinned[static_cast<char*>(p)] = bytes;
    return {p, p, &release_pinned, place};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release_pinned; }
  void copy_data(void* to, const void* from, size_t bytes) const override { std::memcpy(to, from, bytes); }
};

/// The host has touched the device's memory: says so and lets the process end as it would have.
void on_fault(int signal, siginfo_t* info, void*) {
  if (owns(info->si_addr)) {
    constexpr std::string_view kText = "test device: the host touches the device's memory\n";
    static_cast<void>(!::write(STDERR_FILENO, kText.data(), kText.size()));
    std::array<void*, 40> frames{};
    ::backtrace_symbols_fd(frames.data(), ::backtrace(frames.data(), frames.size()), STDERR_FILENO);
  }
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

}  // namespace

StreamOf current_stream() {
  return {device_now, streams_now[device_now]};
}
StreamOf current_stream(int device) {
  return {device, streams_now[device]};
}
int exchange_stream(StreamOf stream) {
  return std::exchange(streams_now[stream.device], stream.stream);
}
int exchange_device(int device) {
  return std::exchange(device_now, device);
}
StreamOf next_stream(int device) {
  const std::lock_guard lock(mutex);
  return {device, 1 + devices[device].next_stream++ % (kStreams - 1)};
}

void map_memory() {
  constexpr size_t kAll = kDevices * kRoom;
  const int memory = ::memfd_create("seqvit-test-device", 0);
  if (memory < 0 || ::ftruncate(memory, kAll) != 0) throw std::runtime_error("test device: no memory");
  const auto map = [&](int access) {
    void* p = ::mmap(nullptr, kAll, access, MAP_SHARED | MAP_NORESERVE, memory, 0);
    if (p == MAP_FAILED) throw std::runtime_error("test device: no addresses");
    return static_cast<char*>(p);
  };
  readable = map(PROT_READ | PROT_WRITE);
  forbidden = map(PROT_NONE);
  struct sigaction action {};
  action.sa_sigaction = &on_fault;
  action.sa_flags = SA_SIGINFO;
  ::sigaction(SIGSEGV, &action, nullptr);
}

c10::Allocator& device_allocator() {
  static auto* allocator = new DeviceAllocator;
  return *allocator;
}
c10::Allocator& pinned_allocator() {
  static auto* allocator = new PinnedAllocator;
  return *allocator;
}

bool is_pinned(const void* p) {
  const std::lock_guard lock(mutex);
  const auto* byte = static_cast<const char*>(p);
  const auto next = pinned.upper_bound(byte);
  return next != pinned.begin() && byte < std::prev(next)->first + std::prev(next)->second;
}

void resize_storage(const c10::Storage& storage, size_t bytes) {
  auto* impl = storage.unsafeGetStorageImpl();
  c10::DataPtr fresh = device_allocator().allocate(bytes);
  if (const size_t kept = std::min(bytes, impl->nbytes()); kept > 0)
    std::memcpy(on_host(fresh.get()), on_host(impl->data()), kept);
  impl->set_data_ptr_noswap(std::move(fresh));
  impl->set_nbytes(bytes);
}

void* on_host(const void* p) {
  return readable + place_of(p);
}

void launch(StreamOf stream, const char* kernel) {
  const std::lock_guard lock(mutex);
  devices[stream.device].timeline.launch(stream.stream);
  kernel_now = kernel;
}

void access(StreamOf stream, const void* p, size_t bytes, bool writes) {
  if (bytes == 0) return;
  const std::lock_guard lock(mutex);
  Block* block = block_of(p);
  if (block == nullptr)
    return report(describe(kernel_now, stream.stream) + " uses memory that was given back");
  Timeline& timeline = devices[stream.device].timeline;
  const size_t begin = place_of(p);
  Access now{stream.stream, timeline.record(stream.stream)[stream.stream], begin, begin + bytes, writes,
             kernel_now};
  std::vector<Access> keep;
  for (Access& old : block->accesses) {
    const bool overlaps = old.begin < now.end && now.begin < old.end,
               done = timeline.is_done(old.stream, old.kernel, stream.stream);
    if (overlaps && !done && (writes || old.writes)) {
      report(fmt::format("{} {} what {} {}, without waiting for it", describe(kernel_now, stream.stream),
                         writes ? "writes" : "reads", describe(old.name.c_str(), old.stream),
                         old.writes ? "writes" : "reads"));
    }
    if (merges(old, now)) {
      now.begin = std::min(now.begin, old.begin), now.end = std::max(now.end, old.end);
    } else if (!(done && writes && now.begin <= old.begin && old.end <= now.end)) {
      keep.push_back(std::move(old));
    }
  }
  keep.push_back(std::move(now));
  block->accesses = std::move(keep);
}

void record_use(const void* p, StreamOf stream) {
  const std::lock_guard lock(mutex);
  if (Block* block = p != nullptr && owns(p) ? block_of(p) : nullptr) block->recorded.insert(stream.stream);
}

Clock record_event(StreamOf stream) {
  const std::lock_guard lock(mutex);
  return devices[stream.device].timeline.record(stream.stream);
}
void wait_for(StreamOf stream, const Clock& event) {
  const std::lock_guard lock(mutex);
  devices[stream.device].timeline.wait(stream.stream, event);
}
void host_waits(int device, const Clock& event, const char* what) {
  count_wait(device, what);
  const std::lock_guard lock(mutex);
  if (!devices[device].timeline.ends(event)) {
    report(fmt::format("the host waits ({}) for work that never ends", what));
    throw std::runtime_error("test device: the host would wait for ever");
  }
  devices[device].timeline.host_waits(event);
}
void stick(StreamOf stream) {
  const std::lock_guard lock(mutex);
  devices[stream.device].timeline.stick(stream.stream);
}
void unstick(StreamOf stream) {
  const std::lock_guard lock(mutex);
  devices[stream.device].timeline.unstick(stream.stream);
}
bool ends(int device, const Clock& event) {
  const std::lock_guard lock(mutex);
  return devices[device].timeline.ends(event);
}

int64_t peak_bytes(int device) {
  const std::lock_guard lock(mutex);
  return static_cast<int64_t>(devices.at(device).peak);
}
void set_device_count(int number) {
  count = number;
}
int device_count() {
  if (count > 0) return count;
  const char* text = std::getenv("SEQVIT_TEST_DEVICES");
  return text != nullptr ? std::atoi(text) : kDevices;
}

}  // namespace seqvit::test_device
