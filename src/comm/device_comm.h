/// One communicator for tensors of the host and of a device.
#pragma once

#include <functional>
#include <memory>

#include "comm/comm.h"

namespace seqvit::comm {

/// Makes, over the ranks of a host communicator, one for tensors of the device.
using MakeDirect = std::function<std::unique_ptr<Comm>(Comm& host)>;

/// Tensors of the CPU go over `host`, others over what `make_direct` makes; without it they are copied to the
/// host and back (wait() then waits for the device too). Splits split both.
std::unique_ptr<Comm> make_device_comm(Comm& host, MakeDirect make_direct);

}  // namespace seqvit::comm
