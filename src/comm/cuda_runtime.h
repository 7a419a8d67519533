/// What cuda_gpu.cpp asks of the GPU's runtime, under CUDA's names.
///
/// When to use it: there, and nowhere else: streams and events are libtorch's, of any device (c10/core).
/// Built with SEQVIT_HIP the names stand for HIP. libtorch for ROCm (2.11 and later) keeps CUDA's names for
/// devices, classes and namespaces and renames its headers only. Not tested: no AMD GPU was at hand.
#pragma once

#ifndef SEQVIT_HIP

#include <cuda_runtime_api.h>

#include <c10/cuda/CUDACachingAllocator.h>

#else

#include <c10/hip/HIPCachingAllocator.h>
#include <hip/hip_runtime_api.h>

namespace seqvit::comm {

using cudaDeviceProp = hipDeviceProp_t;
using cudaError_t = hipError_t;
inline constexpr hipError_t cudaSuccess = hipSuccess;
inline constexpr auto& cudaGetDeviceCount = hipGetDeviceCount;
inline constexpr auto& cudaGetDeviceProperties = hipGetDeviceProperties;
inline constexpr auto& cudaGetErrorString = hipGetErrorString;
inline constexpr auto& cudaSetDevice = hipSetDevice;

}  // namespace seqvit::comm

#endif
