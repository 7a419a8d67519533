/// A device to test on that acts like a GPU: eight of them, in a process without any.
///
/// Why: a GPU comes rarely, and most of what goes wrong on one does so by rules that need none. These devices
/// stand in libtorch's slot for backends of others (PrivateUse1). Their kernels run on the CPU, at once; but
///   - their memory cannot be touched by the host: who tries is stopped with a stack (memory.h);
///   - freed and new memory is NaN, and given out again as by libtorch's caching allocator;
///   - streams and events are vector clocks (timeline.h), so that a kernel that reads or writes what another
///     stream does, without waiting for it, is reported, and so is memory given back while another stream
///     uses it;
///   - tensors of two devices in one operator are reported and refused;
///   - kernels, host waits and bytes copied are counted by name.
/// nccl.cpp gives them NCCL's functions. What they do not show: speed, the limits of memory, libtorch's own
/// GPU kernels, and that kernels of one stream run behind the host (a host read of pinned memory before its
/// copy is done goes unseen).
///
/// When to use it: by tests, with parallel.device: cuda; each rank that is a thread has a device of its own
/// (gpu.cpp).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <c10/core/Device.h>

namespace seqvit::test_device {

inline constexpr int kDevices = 8;

/// Device `index`; the first call makes them known to libtorch. Any thread.
c10::Device device(int index);

/// What a rule of the device was broken by.
struct Report {
  std::string text;   ///< the kernel, its stream, and what it meets
  std::string stack;  ///< functions of ours on the way there, innermost first
};
/// Those since the last call, of all devices; the same text once.
std::vector<Report> take_reports();
/// Whether they are also written to standard error as they come (default: yes).
void print_reports(bool yes);

struct Counts {
  std::map<std::string, int64_t>
      kernels;                           ///< launched, by name; copies that the program asked for among them
  std::map<std::string, int64_t> waits;  ///< of the host for the device, by what and where
  int64_t bytes_to_device = 0, bytes_to_host = 0;

  int64_t kernel_count() const;
  int64_t wait_count() const;
};
/// Of one device, since the last call.
Counts take_counts(int device);
/// Whether waits are counted by the function that makes them too, which costs a walk of the stack each.
void say_where_the_host_waits(bool yes);

/// Most bytes that tensors held at a time.
int64_t peak_bytes(int device);

/// How many of the devices a process finds (default 8, or SEQVIT_TEST_DEVICES).
void set_device_count(int count);
int device_count();

}  // namespace seqvit::test_device
