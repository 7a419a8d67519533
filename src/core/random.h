/// Counter-based random numbers: a pure function of (key, counter), so that every rank, mesh and resumed run
/// draws the same numbers without passing a generator's state around.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace seqvit {

/// A 64-bit mix of two words (the finaliser of SplitMix64 over both).
uint64_t mix(uint64_t a, uint64_t b);
/// A key for a named stream of a seed.
uint64_t random_key(uint64_t seed, std::string_view name);

/// Uniform in [0, 1).
double uniform(uint64_t key, uint64_t counter);
/// Standard normal, by Box-Muller over counters 2c and 2c + 1.
double normal(uint64_t key, uint64_t counter);
/// Normal within two standard deviations, times `std`; the counter of element i is `first + i`.
void fill_truncated_normal(std::span<float> out, double std, uint64_t key, uint64_t first = 0);

/// A keyed bijection of [0, count): element `index` of a random permutation, in constant time and memory.
int64_t permuted(uint64_t key, int64_t index, int64_t count);

}  // namespace seqvit
