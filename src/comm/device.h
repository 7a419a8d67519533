/// The device that a rank computes on, and messages between tensors that lie there.
///
/// When to use it: by Mesh. On the CPU nothing changes. On GPUs tensors go over NCCL, a GPU a rank. Ranks
/// that share one, which NCCL refuses, are an error unless asked for: then tensors go through host memory and
/// the communicator that is there anyway. Only programs built with SEQVIT_CUDA (or, untested, SEQVIT_HIP)
/// know GPUs; libtorch's part for them is loaded when a GPU is first asked for, so the same program runs on
/// machines without any.
#pragma once

#include <memory>

#include <c10/core/Device.h>

#include "comm/comm.h"
#include "core/kinds.h"

namespace seqvit::comm {

/// Makes the device of this rank ready: of a machine's GPUs that which has its number among the machine's
/// ranks. Collective over `world`. Throws Error(usage) if the program or the machine has none.
c10::Device open_device(DeviceKind kind, Comm& world);

/// Most bytes that tensors on the device have held so far; 0 on the CPU (ops/memory.h counts there).
int64_t device_peak_bytes(c10::Device device);

/// A communicator over the ranks of `host` for tensors on the CPU and on `device`, which is a GPU.
/// Collective; `host` must outlive it. Throws Error(usage), naming them, where ranks have the same GPU and
/// none says `share`.
std::unique_ptr<Comm> make_device_comm(Comm& host, c10::Device device, bool share);

}  // namespace seqvit::comm
