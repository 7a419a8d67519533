/// The second seam beside attention: what stands next to my tokens, of the ranks that have it.
///
/// When to use it: by layers that read a token's 3 x 3 neighbours (depthwise.h), and for points of
/// neighbouring patches (model/windows.h). Which units go to whom is a table made once
/// (grid/neighbourhood.h); ranks that share no border do not meet, so a message costs the same on 2,048 ranks
/// as on four. Rows are whatever belongs to a unit (a token, or the tokens of a patch that stay together), F
/// elements.
///
/// Elements sent by a rank, B samples: `gather` B F units that others need of mine; `give_back` B F units
/// that I need of others'. Each is the other's backward. A depthwise layer reads gradients as it reads
/// tokens, so it gathers both ways. One rank sends nothing.
#pragma once

#include <utility>
#include <vector>

#include "comm/comm.h"
#include "core/tensor.h"
#include "grid/neighbourhood.h"

namespace seqvit::parallel {

class Halo {
 public:
  /// `comm`: the ranks that share out the tokens of a sample, in the order of the sequence; outlives this.
  Halo(comm::Comm& comm, grid::Neighbourhood near, at::Device device = at::kCPU);

  const grid::Neighbourhood& near() const { return near_; }

  /// Others' units on their way.
  class Coming {
   public:
    /// [B, H, F], in the order of the neighbourhood's numbers. Once.
    Tensor wait();

   private:
    friend class Halo;
    std::vector<comm::Pending> parts_;
    Tensor like_;  // [B, 0, F]
    std::vector<int64_t> units_;
  };
  /// Sends what others need of x [B, U, F], and lets me compute meanwhile. Not differentiable.
  Coming start(const Tensor& x_BUF) const;

  /// Others' units next to mine [B, H, F], of mine [B, U, F]; differentiable.
  Tensor gather(const Tensor& x_BUF) const;
  /// What I have for others' units [B, H, F] goes home: the sum of what others have for mine [B, U, F];
  /// differentiable.
  Tensor give_back(const Tensor& of_halo_BHF) const;

 private:
  comm::Comm& comm_;
  grid::Neighbourhood near_;
  std::vector<Tensor> gives_;  // of each peer: units of mine

  Tensor sum_at_home(const Tensor& of_halo_BHF) const;
  friend struct HaloFunction;
};

}  // namespace seqvit::parallel
