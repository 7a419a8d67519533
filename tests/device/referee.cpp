#include "device/referee.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <map>
#include <poll.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/socket.h>

#include "core/clock.h"
#include "nccl.h"

namespace seqvit::test_device {
namespace {

constexpr int kTick = 50;  ///< milliseconds between two looks at who is late

using Data = std::vector<char>;

struct Message {
  Request request;
  Data data;
  double since;
};

/// A rank's end of the wire.
struct Seat {
  int socket = -1;
  Data in, out;  // not yet understood, not yet sent
  bool gone = false;
};

const char* name_of(CallKind kind) {
  static const std::map<CallKind, const char*> names = {
      {CallKind::hello, "ncclCommInitRank"}, {CallKind::broadcast, "ncclBroadcast"},
      {CallKind::reduce, "ncclReduce"},      {CallKind::all_reduce, "ncclAllReduce"},
      {CallKind::send, "ncclSend"},          {CallKind::receive, "ncclRecv"}};
  return names.at(kind);
}

template <typename T>
void add(Data& sum, const Data& more) {
  for (size_t at = 0; at + sizeof(T) <= sum.size(); at += sizeof(T)) {
    T a, b;
    std::memcpy(&a, &sum[at], sizeof a);
    std::memcpy(&b, &more[at], sizeof b);
    a += b;
    std::memcpy(&sum[at], &a, sizeof a);
  }
}

void add(int32_t type, Data& sum, const Data& more) {
  if (type == ncclFloat32) return add<float>(sum, more);
  if (type == ncclFloat64) return add<double>(sum, more);
  if (type == ncclInt64) return add<int64_t>(sum, more);
}

bool agree(const Request& a, const Request& b) {
  return a.kind == b.kind && a.type == b.type && a.count == b.count && a.peer == b.peer;
}

}  // namespace

std::string describe(const Request& r) {
  static const std::map<int32_t, const char*> types = {{ncclUint8, "uint8"},
                                                       {ncclInt64, "int64"},
                                                       {ncclFloat32, "float32"},
                                                       {ncclFloat64, "float64"},
                                                       {ncclBfloat16, "bfloat16"}};
  std::string text = fmt::format("{} of {} {}", name_of(r.kind), r.count, types.at(r.type));
  if (r.kind == CallKind::broadcast || r.kind == CallKind::reduce) text += fmt::format(" (root {})", r.peer);
  return text;
}

int64_t size_of(int32_t type) {
  if (type == ncclUint8) return 1;
  if (type == ncclBfloat16) return 2;
  return type == ncclFloat32 ? 4 : 8;
}

bool send_all(int socket, const void* data, size_t bytes) {
  for (size_t done = 0; done < bytes;) {
    const ssize_t n = ::send(socket, static_cast<const char*>(data) + done, bytes - done, MSG_NOSIGNAL);
    if (n <= 0) return false;
    done += static_cast<size_t>(n);
  }
  return true;
}

bool receive_all(int socket, void* data, size_t bytes) {
  for (size_t done = 0; done < bytes;) {
    const ssize_t n = ::recv(socket, static_cast<char*>(data) + done, bytes - done, 0);
    if (n <= 0) return false;
    done += static_cast<size_t>(n);
  }
  return true;
}

namespace {

class Referee {
 public:
  Referee(int listening, int ranks, double patience)
      : listening_(listening), patience_(patience), seats_(ranks), collectives_(ranks) {}
  ~Referee() {
    for (const Seat& seat : seats_)
      ::close(seat.socket);
    for (const int socket : unseated_)
      ::close(socket);
    ::close(listening_);
  }
  Referee(const Referee&) = delete;
  Referee& operator=(const Referee&) = delete;

  void serve() {
    while (arrived_ < size() ||
           !std::all_of(seats_.begin(), seats_.end(), [](const Seat& s) { return s.gone; }))
      serve_once();
  }

 private:
  using Pair = std::pair<int, int>;  // from, to

  int listening_;
  double patience_;
  std::vector<Seat> seats_;
  std::vector<int> unseated_;  // connected, not yet known which rank
  int arrived_ = 0;
  std::vector<std::deque<Message>> collectives_;  // by rank, oldest first
  std::map<Pair, std::deque<Message>> sent_, awaited_;

  int size() const { return static_cast<int>(seats_.size()); }

  void serve_once() {
    std::vector<pollfd> wires = {{listening_, POLLIN, 0}};
    for (const Seat& seat : seats_) {
      const short events = seat.out.empty() ? POLLIN : POLLIN | POLLOUT;
      wires.push_back({seat.gone ? -1 : seat.socket, events, 0});
    }
    for (const int socket : unseated_)
      wires.push_back({socket, POLLIN, 0});
    if (::poll(wires.data(), wires.size(), kTick) < 0) return;
    for (int r = 0; r < size(); ++r) {
      if ((wires[1 + r].revents & POLLOUT) != 0) flush(seats_[r]);
      if ((wires[1 + r].revents & (POLLIN | POLLHUP | POLLERR)) != 0) read(r);
    }
    for (size_t i = 1 + seats_.size(); i < wires.size(); ++i) {
      if (wires[i].revents != 0) take_a_seat(wires[i].fd);
    }
    if (wires[0].revents != 0) unseated_.push_back(::accept(listening_, nullptr, nullptr));
    settle();
  }

  void take_a_seat(int socket) {
    unseated_.erase(std::find(unseated_.begin(), unseated_.end(), socket));
    Request hello{};
    if (!receive_all(socket, &hello, sizeof hello)) {
      ::close(socket);
      return;
    }
    seats_[hello.peer].socket = socket;
    if (++arrived_ < size()) return;
    for (int r = 0; r < size(); ++r)
      answer(r, {}, Outcome::done, {}, "");
  }

  void read(int r) {
    Seat& seat = seats_[r];
    std::array<char, 1 << 16> piece;
    const ssize_t n = ::recv(seat.socket, piece.data(), piece.size(), 0);
    if (n <= 0) {
      seat.gone = true;
      return;
    }
    seat.in.insert(seat.in.end(), piece.begin(), piece.begin() + n);
    size_t at = 0;
    while (true) {
      Request request;
      if (seat.in.size() - at < sizeof request) break;
      std::memcpy(&request, &seat.in[at], sizeof request);
      const size_t whole = sizeof request + static_cast<size_t>(request.bytes);
      if (seat.in.size() - at < whole) break;
      const auto data = seat.in.begin() + static_cast<int64_t>(at + sizeof request);
      take(r, {request, Data(data, data + request.bytes), seconds_now()});
      at += whole;
    }
    seat.in.erase(seat.in.begin(), seat.in.begin() + static_cast<int64_t>(at));
  }

  void take(int r, Message message) {
    const int peer = message.request.peer;
    switch (message.request.kind) {
      case CallKind::send:
        sent_[{r, peer}].push_back(std::move(message));
        return;
      case CallKind::receive:
        awaited_[{peer, r}].push_back(std::move(message));
        return;
      default:
        collectives_[r].push_back(std::move(message));
    }
  }

  void flush(Seat& seat) {
    const ssize_t n = ::send(seat.socket, seat.out.data(), seat.out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) seat.out.erase(seat.out.begin(), seat.out.begin() + n);
  }

  void answer(int r, const Request& to, Outcome outcome, const Data& data, const std::string& text) {
    const Reply reply{outcome, static_cast<int32_t>(text.size()), static_cast<int64_t>(data.size()),
                      to.ticket};
    Data& out = seats_[r].out;
    const char* head = reinterpret_cast<const char*>(&reply);
    out.insert(out.end(), head, head + sizeof reply);
    out.insert(out.end(), data.begin(), data.end());
    out.insert(out.end(), text.begin(), text.end());
  }

  /// Whatever has come together, or cannot any more.
  void settle() {
    if (arrived_ < size()) return;
    while (settle_collective()) {
    }
    for (auto& [pair, waiting] : awaited_) {
      while (!waiting.empty() && settle_message(pair, waiting)) {
      }
    }
  }

  std::vector<int> absent() const {
    std::vector<int> ranks;
    for (int r = 0; r < size(); ++r) {
      if (collectives_[r].empty()) ranks.push_back(r);
    }
    return ranks;
  }

  bool settle_collective() {
    const std::vector<int> missing = absent();
    if (static_cast<int>(missing.size()) == size()) return false;
    if (missing.empty()) {
      complete();
      return true;
    }
    double oldest = seconds_now();
    std::string what;
    for (const auto& calls : collectives_) {
      if (calls.empty() || calls.front().since > oldest) continue;
      oldest = calls.front().since, what = describe(calls.front().request);
    }
    const bool lost = std::any_of(missing.begin(), missing.end(), [&](int r) { return seats_[r].gone; });
    if (!lost && seconds_now() - oldest < patience_) return false;
    const std::string text =
        fmt::format("{}: rank {} {}", what, fmt::join(missing, ", "), lost ? "is gone" : "did not come");
    end_collective(lost ? Outcome::lost : Outcome::late, text);
    return true;
  }

  /// Those who wait get this.
  void end_collective(Outcome outcome, const std::string& text) {
    for (int r = 0; r < size(); ++r) {
      if (collectives_[r].empty()) continue;
      answer(r, collectives_[r].front().request, outcome, {}, text);
      collectives_[r].pop_front();
    }
  }

  void complete() {
    const Request first = collectives_[0].front().request;
    for (int r = 1; r < size(); ++r) {
      const Request& other = collectives_[r].front().request;
      if (agree(first, other)) continue;
      end_collective(Outcome::mismatch,
                     fmt::format("rank 0 calls {}, rank {} calls {}", describe(first), r, describe(other)));
      return;
    }
    Data result = first.kind == CallKind::broadcast ? std::move(collectives_[first.peer].front().data)
                                                    : std::move(collectives_[0].front().data);
    for (int r = 1; r < size() && first.kind != CallKind::broadcast; ++r)
      add(first.type, result, collectives_[r].front().data);
    for (int r = 0; r < size(); ++r) {
      const bool gets = first.kind != CallKind::reduce || r == first.peer;
      answer(r, collectives_[r].front().request, Outcome::done, gets ? result : Data(), "");
      collectives_[r].pop_front();
    }
  }

  bool settle_message(const Pair& pair, std::deque<Message>& waiting) {
    const Message wanted = waiting.front();
    const auto [from, to] = pair;
    auto& sent = sent_[pair];
    if (sent.empty()) {
      const bool lost = seats_[from].gone;
      if (!lost && seconds_now() - wanted.since < patience_) return false;
      waiting.pop_front();
      answer(to, wanted.request, lost ? Outcome::lost : Outcome::late, {},
             fmt::format("{} on rank {}: rank {} {}", describe(wanted.request), to, from,
                         lost ? "is gone" : "did not send"));
      return true;
    }
    const Message message = std::move(sent.front());
    sent.pop_front();
    waiting.pop_front();
    if (message.request.count != wanted.request.count || message.request.type != wanted.request.type) {
      answer(to, wanted.request, Outcome::mismatch, {},
             fmt::format("rank {} calls {} to rank {}, which calls {}", from, describe(message.request), to,
                         describe(wanted.request)));
      return true;
    }
    // In one stream NCCL ends a group before it begins the next, and a message when both ends are at it.
    const std::string text =
        message.request.group == wanted.request.group
            ? ""
            : fmt::format(
                  "{} from rank {} is in its group {} of messages with rank {}, received in group {}: both "
                  "stand still on a GPU",
                  describe(message.request), from, message.request.group, to, wanted.request.group);
    answer(to, wanted.request, Outcome::done, message.data, text);
    return true;
  }
};

}  // namespace

void start_referee(int listening, int ranks, double patience) {
  std::thread([=] { Referee(listening, ranks, patience).serve(); }).detach();
}

}  // namespace seqvit::test_device
