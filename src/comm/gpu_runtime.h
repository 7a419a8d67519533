/// The GPU's runtime, its messages and libtorch's streams, under CUDA's names.
///
/// When to use it: in the files of comm/ that know GPUs, and nowhere else. Built with SEQVIT_HIP the names
/// stand for HIP and RCCL. libtorch for ROCm (2.11 and later) keeps CUDA's names for devices, classes and
/// namespaces and renames its headers only; RCCL keeps all of NCCL's. Not tested: no AMD GPU was at hand.
#pragma once

#ifndef SEQVIT_HIP

#include <cuda_runtime_api.h>
#include <nccl.h>

#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAStream.h>

#else

#include <c10/hip/HIPCachingAllocator.h>
#include <c10/hip/HIPStream.h>
#include <hip/hip_runtime_api.h>
#include <rccl/rccl.h>

namespace seqvit::comm {

using cudaDeviceProp = hipDeviceProp_t;
using cudaError_t = hipError_t;
using cudaEvent_t = hipEvent_t;
using cudaStream_t = hipStream_t;
inline constexpr hipError_t cudaSuccess = hipSuccess;
inline constexpr unsigned cudaEventDisableTiming = hipEventDisableTiming;
inline constexpr auto& cudaGetDeviceCount = hipGetDeviceCount;
inline constexpr auto& cudaGetDeviceProperties = hipGetDeviceProperties;
inline constexpr auto& cudaGetErrorString = hipGetErrorString;
inline constexpr auto& cudaSetDevice = hipSetDevice;
inline constexpr auto& cudaEventCreateWithFlags = hipEventCreateWithFlags;
inline constexpr auto& cudaEventDestroy = hipEventDestroy;
inline constexpr auto& cudaEventRecord = hipEventRecord;
inline constexpr auto& cudaStreamWaitEvent = hipStreamWaitEvent;

}  // namespace seqvit::comm

#endif
