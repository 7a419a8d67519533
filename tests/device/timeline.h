/// What is known to happen before what on one device: streams and events as vector clocks (Fidge, Mattern
/// 1988).
///
/// Entry s of a stream's clock is the number of the last kernel of stream s that is sure to be done before
/// the stream's next one. What the host has waited for is known to every kernel launched afterwards; threads
/// of the host that use one device are taken to follow each other. Not safe under threads: memory.h holds the
/// lock.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace seqvit::test_device {

/// The default stream, then those of the pool, as many as libtorch has.
inline constexpr int kStreams = 33;
using Clock = std::array<int64_t, kStreams>;

class Timeline {
 public:
  /// A kernel begins on `stream`. Returns its number there.
  int64_t launch(int stream);
  /// What an event stands for that is recorded there now.
  Clock record(int stream);
  void wait(int stream, const Clock& event);
  void host_waits(const Clock& event);

  /// Whether kernel `number` of `other` is done before what `stream` does now, or before the host goes on.
  bool is_done(int other, int64_t number, int stream) const;

  /// What the stream does now never ends, nor what waits for it: a message whose peer is lost. unstick: ended
  /// after all.
  void stick(int stream);
  void unstick(int stream);
  bool ends(const Clock& event) const;

 private:
  std::array<Clock, kStreams> clocks_{};
  Clock host_{};
  std::array<std::optional<int64_t>, kStreams> stuck_{};  // number of the first kernel that does not end
};

}  // namespace seqvit::test_device
