/// What a program knows of GPUs: the part of this layer that differs between builds.
///
/// When to use it: by device.cpp. One file of each build defines it: no_gpu.cpp for CPUs only, cuda_gpu.cpp
/// with nccl_comm.cpp for GPUs (SEQVIT_CUDA or, untested, SEQVIT_HIP); tests/device/gpu.cpp with
/// nccl_comm.cpp for the device that tests run on.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <c10/core/Device.h>

#include "comm/comm.h"

namespace seqvit::comm {

/// GPUs that this process sees. Throws Error(usage) where it can use none.
int gpu_count();
/// Makes one of them this thread's.
c10::Device open_gpu(int index);
/// What tells it from all other GPUs of the job.
int64_t gpu_identity(c10::Device gpu);
/// Most bytes that tensors on it have held so far.
int64_t gpu_peak_bytes(c10::Device gpu);

/// A communicator for tensors on a GPU, each rank its own. Collective over `host`, which must outlive it.
std::unique_ptr<Comm> make_gpu_comm(Comm& host, c10::Device gpu);
/// What such communicators of this GPU report to have gone wrong since; empty: nothing.
std::string gpu_comm_failure(c10::Device gpu);
/// Ends their messages under way, so that nothing on the GPU waits for peers any longer. They are of no use
/// afterwards.
void abort_gpu_comms(c10::Device gpu);

}  // namespace seqvit::comm
