/// What numbers are made of and where they live.
#pragma once

namespace seqvit {

enum class Precision { fp32, bf16, fp64 };
enum class DeviceKind { cpu, cuda };

const char* to_string(Precision);
const char* to_string(DeviceKind);

}  // namespace seqvit
