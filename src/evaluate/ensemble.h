/// Several forecasts of one future: what members start from and are told apart by.
///
/// Flow: initial states [B] -> members [B, M] -> one batch of B M states for the forecaster, member by
/// member, drawn noise included -> states [B, M] at each lead time -> a file with a dim `number`, or sums
/// over points (ensemble_sums.h) -> sums over ranks -> scores. Nothing but the two ends knows members: to a
/// model they are more samples.
///
/// Initial states are perturbed by S times a smooth Gaussian field: an isotropic sum of plane waves in space,
/// read on the sphere, whose correlation falls as exp(-d^2 / 2 L^2) with L = 1,000 km. Each variable has its
/// own, of S times the standard deviation of its change over one lead time, so that S is "how much of a
/// step's change is not known". Smooth rather than point by point: errors of an analysis are as large as
/// weather systems, and what differs between neighbouring points is lost in a step or two, which leaves too
/// little spread. Rather than differences of past states (Magnusson et al. 2009), which are balanced between
/// variables, since a forecast's files need hold no past; the first step balances what it is given as far as
/// the model has learned to. A value is a function of (seed, initial time, member, variable, place): any
/// layout and any batch gives the same. All members are perturbed, number 0 too: scores want members that
/// nothing tells apart.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/partition.h"
#include "data/calendar.h"
#include "grid/grid.h"

namespace seqvit::evaluate {

struct Ensemble {
  int64_t members = 1;
  double perturbation = 0;   ///< S; 0: all start from the same state
  std::vector<double> unit;  ///< by variable of the data set, what S counts in; 0: not perturbed
  uint64_t seed = 0;
};

/// Adds member `member`'s field to `state` [V, Y, X] on `rows`, which is valid at `time`. What is missing
/// stays missing. Cost: 32 cosines a point and variable.
void perturb(const Ensemble& ensemble, const grid::Grid& grid, Range rows, data::TimeStamp time,
             int64_t member, std::span<float> state);

/// Key of the noise that member `member` of the forecast from `time` draws in the step that begins `step`
/// steps later.
uint64_t noise_key(const Ensemble& ensemble, data::TimeStamp time, int64_t member, int64_t step);

/// Of fields [M][Y, X]; NaN where a member is.
std::vector<float> mean_of_members(std::span<const std::vector<float>> members);

}  // namespace seqvit::evaluate
