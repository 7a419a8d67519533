/// NCCL's calls, which RCCL has too, and the type of the streams that they take.
///
/// When to use it: in nccl_comm.cpp, and nowhere else. tests/device/include has an nccl.h of its own.
#pragma once

#ifdef SEQVIT_HIP
#include <hip/hip_runtime_api.h>
#include <rccl/rccl.h>
using cudaStream_t = hipStream_t;
#else
#include <nccl.h>
#endif

#include <c10/core/Stream.h>

namespace seqvit::comm {

inline cudaStream_t nccl_stream(const c10::Stream& stream) {
  return static_cast<cudaStream_t>(stream.native_handle());
}

}  // namespace seqvit::comm
