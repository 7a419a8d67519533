/// Messages between ranks: the one interface that everything parallel is written against.
///
/// When to use it: never from the model; `parallel/` turns these into differentiable collectives. A
/// communicator of size 1 returns its input, so the serial program is the parallel one. Sizes may differ
/// between ranks everywhere (`counts`), because grids, heads and batches do not divide evenly. Every
/// collective carries a name; a time-out, a lost peer or a mismatch throws Error(communication) naming
/// collective, step and missing ranks.
///
/// Tensors are 1-D and contiguous; any dtype that is moved only, floating point where it is summed (sums of
/// bf16 are made in fp32 by the caller). Results are new tensors; a communicator of size 1 returns its input
/// itself.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "core/profile.h"
#include "core/tensor.h"

namespace seqvit::comm {

using Counts = std::vector<int64_t>;  ///< elements, one entry a rank
inline int64_t total(const Counts& counts) {
  return std::accumulate(counts.begin(), counts.end(), int64_t{0});
}
using Coloring = std::function<int(int rank)>;  ///< a group's number, for every rank

/// A collective under way. `wait` completes it and gives the result; call it exactly once, on the thread that
/// started it.
class Pending {
 public:
  explicit Pending(std::function<Tensor()> finish) : finish_(std::move(finish)) {}
  Tensor wait() {
    const TimedPart time("communication");
    return std::exchange(finish_, nullptr)();
  }

 private:
  std::function<Tensor()> finish_;
};

/// What one purpose ("ulysses", "zero", ...) has sent from this rank to others so far. Own data kept is not
/// counted.
struct Traffic {
  int64_t bytes = 0, calls = 0;
};

class Comm {
 public:
  virtual ~Comm() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  /// Whether nobody else is there (comm/phantom.h): sums then lack all others' parts.
  virtual bool is_phantom() const { return false; }

  /// Concatenation of every rank's `mine`; counts[r] elements from rank r.
  virtual Pending all_gather(const Tensor& mine, const Counts& counts, const char* purpose) = 0;
  /// `parts` is the concatenation of one part a rank; the sum of everyone's part of my rank (counts[rank()]
  /// elements).
  virtual Pending reduce_scatter(const Tensor& parts, const Counts& counts, const char* purpose) = 0;
  /// Sum over ranks, the same bits on all of them.
  virtual Pending all_reduce(const Tensor& x, const char* purpose) = 0;
  /// send[r] elements to rank r, receive[r] elements from it, both concatenated by rank.
  virtual Pending all_to_all(const Tensor& x, const Counts& send, const Counts& receive,
                             const char* purpose) = 0;
  /// Sends x to rank `to` and receives `count` elements (dtype of x) from rank `from`.
  virtual Pending send_recv(const Tensor& x, int to, int from, int64_t count, const char* purpose) = 0;
  /// Root's x on every rank; elsewhere x gives only size and dtype.
  virtual Pending broadcast(const Tensor& x, int root, const char* purpose) = 0;
  virtual void barrier(const char* purpose) = 0;
  /// Ranks of equal color form a communicator, in the order of their rank here. Collective, with the same
  /// colors on all ranks: so each knows who is in its group without being told (a phantom has nobody to ask).
  virtual std::unique_ptr<Comm> split(const Coloring& color_of) = 0;
  /// x in the memory of the CPU. Where x lies on a GPU the host waits for it, and as for any collective no
  /// longer than the time-out: what x is made of may wait for a peer. Not collective.
  virtual Tensor to_host(const Tensor& x) { return x.cpu(); }

  /// Traffic of this communicator by purpose.
  const std::map<std::string, Traffic>& traffic() const { return traffic_; }

 protected:
  /// Implementations call this once for each collective.
  void count(const char* purpose, int64_t bytes) {
    Traffic& entry = traffic_[purpose];
    entry.bytes += bytes;
    ++entry.calls;
  }

 private:
  std::map<std::string, Traffic> traffic_;
};

/// One rank alone: nothing is sent.
std::unique_ptr<Comm> make_self_comm();

/// Named in the message of a communication error; set by the trainer.
void set_comm_step(int64_t step);
/// Seconds after which a collective whose peers do not come ends the job, and so does a rank that stands
/// still elsewhere (core/watch.h); default 600.
void set_comm_timeout(double seconds);

}  // namespace seqvit::comm
