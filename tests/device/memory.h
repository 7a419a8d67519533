/// The devices' memory and who reads and writes it when. Any thread: one lock for all.
///
/// The same pages lie at two addresses: a tensor's pointer leads to those that nobody may touch, and the
/// device itself looks from the other side (on_host).
#pragma once

#include <cstddef>
#include <cstdint>

#include <c10/core/Allocator.h>
#include <c10/core/Storage.h>

#include "device/timeline.h"

namespace seqvit::test_device {

struct StreamOf {
  int device, stream;
};
/// This thread's on its device, or on a given one.
StreamOf current_stream();
StreamOf current_stream(int device);
/// Returns what was this thread's before.
int exchange_stream(StreamOf stream);
int exchange_device(int device);
/// One of the device's pool, in turn.
StreamOf next_stream(int device);

void map_memory();
c10::Allocator& device_allocator();
c10::Allocator& pinned_allocator();
bool is_pinned(const void* p);
/// Grows or shrinks a storage, keeping what fits.
void resize_storage(const c10::Storage& storage, size_t bytes);

/// Where the device finds what one of its pointers names.
void* on_host(const void* p);

/// A kernel begins; the accesses of this thread that follow are its own.
void launch(StreamOf stream, const char* kernel);
void access(StreamOf stream, const void* p, size_t bytes, bool writes);
/// The allocator shall know that `stream` uses what p points to.
void record_use(const void* p, StreamOf stream);

Clock record_event(StreamOf stream);
void wait_for(StreamOf stream, const Clock& event);
/// The host waits for it; counted as `what`. Throws where it would wait for ever.
void host_waits(int device, const Clock& event, const char* what);
void stick(StreamOf stream);
void unstick(StreamOf stream);
bool ends(int device, const Clock& event);

}  // namespace seqvit::test_device
