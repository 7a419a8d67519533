/// Constants of the Earth as the test cases of Williamson et al. (1992) have them, in SI units.
#pragma once

namespace seqvit::generate {

inline constexpr double kRadius = 6.37122e6;
inline constexpr double kRotation = 7.292e-5;  // 1/s
inline constexpr double kGravity = 9.80616;
inline constexpr double kDaySeconds = 86400.0;

}  // namespace seqvit::generate
