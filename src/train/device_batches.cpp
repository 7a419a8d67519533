#include "train/device_batches.h"

#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace seqvit::train {

DeviceBatches::DeviceBatches(std::function<LearnerBatch()> make, c10::Device device, bool ahead)
    : make_(std::move(make)), device_(device), ahead_(ahead) {
  if (!device.is_cpu())
    stream_ = c10::impl::VirtualGuardImpl(device.type()).getStreamFromGlobalPool(device, /*high=*/true);
}

DeviceBatches::Made DeviceBatches::make_on_stream() const {
  const c10::OptionalStreamGuard guard(stream_);
  Made made{make_(), std::nullopt};
  if (stream_) made.copied.emplace(device_.type()).record(*stream_);
  return made;
}

std::future<DeviceBatches::Made> DeviceBatches::start() {
  return std::async(std::launch::async, [this] { return make_on_stream(); });
}

LearnerBatch DeviceBatches::next() {
  if (!ahead_) return make_();
  if (!next_.valid()) next_ = start();
  Made made = next_.get();
  next_ = start();
  if (stream_) {
    const c10::Stream current = c10::impl::VirtualGuardImpl(device_.type()).getStream(device_);
    made.copied->block(current);
    // Made on another stream: without this their memory could be given away while the step still reads it.
    const LearnerBatch& b = made.batch;
    for (const Tensor* field :
         {&b.input, &b.condition, &b.target, &b.scale, &b.shift, &b.missing, &b.forced}) {
      if (field->defined()) field->record_stream(current);
    }
  }
  return made.batch;
}

}  // namespace seqvit::train
