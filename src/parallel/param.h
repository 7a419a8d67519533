/// Weights as handles into flat vectors that ranks share out (ZeRO, Rajbhandari et al., arXiv 1910.02054).
///
/// A ParamGroup is what is gathered and freed together, usually a block. Its weights form two flat vectors:
/// *matrices*, which are used in the compute type and decay, and *vectors* (norms, biases, positions), which
/// stay in the master type and do not decay. Each rank holds a share of both, with its gradient and moments;
/// the optimizer sees shares only.
///
/// | stage | kept on every rank | of weights | of gradients |
/// |---|---|---|---|
/// | 0 | all | - | all-reduce after the last micro-batch |
/// | 1 | weights, gradient | all-gather after the step | reduce-scatter after the last micro-batch |
/// | 2 | weights | all-gather after the step | reduce-scatter in every backward |
/// | 3 | nothing | all-gather at every use | reduce-scatter in every backward |
///
/// Gradients are partial sums everywhere (loss = local sum / global count), so sharing means adding: no
/// averaging, no factor.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "comm/comm.h"
#include "core/partition.h"
#include "parallel/cut.h"

namespace seqvit::parallel {

enum class ParamKind { matrix, vector };

/// Writes elements [first, first + out.size()) of a weight's initial value, row-major: a pure function of the
/// position, so each rank fills its share and all meshes start alike.
using Init = std::function<void(std::span<float> out, int64_t first)>;

Init init_zero();
Init init_constant(float value);
/// Normal cut at two standard deviations, drawn from the stream `name` of `seed`.
Init init_truncated_normal(double std, uint64_t seed, const std::string& name);

/// One logical weight, or this rank's part of it where tensor parallelism cuts it. Reads as a tensor while
/// its group is gathered.
class Param {
 public:
  const std::string& name() const { return name_; }
  const std::vector<int64_t>& shape() const { return shape_; }  ///< of my part
  int64_t size() const { return elements_of(shape_); }          ///< elements of my part
  const std::vector<int64_t>& whole_shape() const { return whole_shape_; }
  const Cut& cut() const { return cut_; }
  /// The weight. Reading it outside ParamGroup::gather() is a bug and throws.
  const Tensor& operator*() const;

 private:
  friend class ParamGroup;
  std::string name_;
  std::vector<int64_t> shape_, whole_shape_;
  Cut cut_;
  Init init_;
  Tensor full_;
};

/// The part of a weight that a rank holds: `part` of each of `blocks` equal blocks along `dim`; all of it if
/// dim < 0.
struct Slice {
  int64_t dim = -1, blocks = 1;
  Range part;
};

/// How the groups of one model are shared out.
struct Sharding {
  comm::Comm* data =
      nullptr;  ///< ranks that hold the same weights: gradients sum over them, states are shared by them
  int stage = 0;
  at::ScalarType compute = at::kFloat, master = at::kFloat;
  at::Device device = at::kCPU;
};

/// One flat vector of a group: what this rank holds of it.
struct Section {
  ParamKind kind = ParamKind::matrix;
  std::vector<std::unique_ptr<Param>> params;
  int64_t size = 0;      ///< elements in all
  comm::Counts counts;   ///< elements a rank updates
  Range mine;            ///< the part of the flat vector that `weight` is: my share, everything at stage 0
  Tensor weight;         ///< master type, [mine.size()]
  Tensor gradient;       ///< like weight, complete after finish_gradients(); undefined when there is none
  Tensor full;           ///< stages 1 and 2: all weights, master type
  Tensor full_gradient;  ///< stages 0 and 1: local sum over micro-batches
  std::optional<comm::Pending> coming;  ///< stage 3: a prefetch under way
};

class ParamGroup {
 public:
  ParamGroup(std::string name, const Sharding& sharding);

  /// A new weight of which this rank holds what `slice` says. All are added before seal().
  const Param* add(const std::string& name, std::vector<int64_t> shape, ParamKind kind, Init init,
                   const Slice& slice = {});
  /// Lays the vectors out and fills my share.
  void seal();

  /// While this lives the group's weights can be read.
  class Gathered {
   public:
    explicit Gathered(ParamGroup& group) : group_(group) {}
    ~Gathered();
    Gathered(const Gathered&) = delete;
    Gathered& operator=(const Gathered&) = delete;

   private:
    ParamGroup& group_;
  };
  /// Stage 3: also starts to fetch the groups that fetch_ahead() says are next.
  [[nodiscard]] Gathered gather();
  /// Stage 3: starts to gather, so that a gather() soon after finds the weights on their way. A no-op
  /// elsewhere.
  void prefetch();

  /// After the last backward of a step: completes the gradients of my share.
  void finish_gradients();
  /// After the optimizer: brings everyone's shares to where whole weights are kept, and forgets gradients.
  void publish_weights();
  /// Replaces my share by what `read` gives for each weight: (weight, elements of my part of it,
  /// destination).
  void load(const std::function<void(const Param&, Range, Tensor)>& read);

  const std::string& name() const { return name_; }
  std::span<Section> sections() { return sections_; }
  const Sharding& sharding() const { return sharding_; }

 private:
  friend struct GatherFunction;
  friend void fetch_ahead(std::span<const std::vector<ParamGroup*>> in_order);
  std::string name_;
  Sharding sharding_;
  std::array<Section, 2> sections_;
  // Used next: in forward, and in backward by a part that runs again.
  std::vector<ParamGroup*> after_, before_;
  int depth_ = 0;  // nested Gathered scopes

  comm::Pending start_gather(Section& section) const;
  void accumulate(Section& section, const Tensor& gradient) const;
};

/// Says in which order parts of a model gather their groups: each gather() then starts to fetch the next
/// part's, so that they come while this one computes. A part that runs again in backward fetches those of the
/// one before it.
void fetch_ahead(std::span<const std::vector<ParamGroup*>> in_order);

/// Calls f(weight, its elements [begin, end), offset in section.mine) for every weight that a range of the
/// flat vector covers.
void for_each_slice(const Section& section, Range flat,
                    const std::function<void(const Param&, Range, int64_t)>& f);

}  // namespace seqvit::parallel
