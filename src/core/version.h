/// The program's version, set by the build.
#pragma once

namespace seqvit {
inline constexpr const char* kVersion = SEQVIT_VERSION;
}
