/// What a spectral transform needs along a meridian: associated Legendre functions with their derivatives.
///
/// P_n^m is normalised so that half the integral of its square over sin(latitude) from -1 to 1 is one: the
/// coefficient of P_0^0 is then a field's global mean. Source: the recurrences over n at fixed m of Belousov
/// (1962) in the form of Temperton (1991), "On scalar and vector transform methods for global spectral
/// models", Mon. Wea. Rev. 119; they are stable and underflow to zero near the poles.
#pragma once

#include <cstdint>
#include <vector>

namespace seqvit::generate {

/// Values at one latitude for one zonal wave number m; index n from 0 to the truncation, zero below m.
struct LegendreColumn {
  std::vector<double> value;       ///< P_n^m
  std::vector<double> derivative;  ///< (1 - mu^2) dP_n^m / dmu, mu = sin(latitude)
};

/// Every m from 0 to `truncation` at the latitude of sine `mu`. Cost: O(truncation^2).
std::vector<LegendreColumn> legendre_functions(int64_t truncation, double mu);

}  // namespace seqvit::generate
