#include "parallel/pipeline.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <stdexcept>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "comm/checked.h"
#include "comm/thread.h"

namespace seqvit::parallel {
namespace {

/// Runs the lists of all stages against one another: an action waits for its input. Returns the most
/// micro-batches and chunks that a stage had in flight, or none if the stages wait for each other for ever.
std::vector<int64_t> run_schedule(int64_t stages, int64_t chunks, int64_t micro_batches) {
  std::vector<std::vector<Action>> lists;
  for (int64_t stage = 0; stage < stages; ++stage)
    lists.push_back(pipeline_schedule(stage, stages, chunks, micro_batches));
  std::set<std::tuple<Action::Kind, int64_t, int64_t>> done;  // kind, micro-batch, virtual stage
  std::vector<size_t> next(stages, 0);
  std::vector<int64_t> held(stages, 0), most(stages, 0);
  const int64_t last = stages * chunks - 1;
  for (bool moved = true; moved;) {
    moved = false;
    for (int64_t stage = 0; stage < stages; ++stage) {
      if (next[stage] == lists[stage].size()) continue;
      const Action a = lists[stage][next[stage]];
      const int64_t place = a.chunk * stages + stage;
      const bool ready =
          a.kind == Action::Kind::forward
              ? place == 0 || done.contains({Action::Kind::forward, a.micro, place - 1})
              : done.contains({Action::Kind::forward, a.micro, place}) &&
                    (place == last || done.contains({Action::Kind::backward, a.micro, place + 1}));
      if (!ready) continue;
      EXPECT_TRUE(done.insert({a.kind, a.micro, place}).second) << "twice";
      held[stage] += a.kind == Action::Kind::forward ? 1 : -1;
      most[stage] = std::max(most[stage], held[stage]);
      ++next[stage];
      moved = true;
    }
  }
  if (done.size() != static_cast<size_t>(2 * micro_batches * stages * chunks)) return {};
  return most;
}

TEST(Schedule, IsGradientAccumulationOnOneStage) {
  EXPECT_EQ(pipeline_schedule(0, 1, 1, 2), (std::vector<Action>{{Action::Kind::forward, 0, 0},
                                                                {Action::Kind::backward, 0, 0},
                                                                {Action::Kind::forward, 1, 0},
                                                                {Action::Kind::backward, 1, 0}}));
}

TEST(Schedule, EndsAndHoldsAtMostTheStagesThatAreStillToCome) {
  for (int64_t stages = 1; stages <= 5; ++stages) {
    for (int64_t micro = 1; micro <= 9; ++micro) {
      const auto most = run_schedule(stages, 1, micro);
      ASSERT_FALSE(most.empty()) << stages << " stages, " << micro << " micro-batches: stuck";
      for (int64_t stage = 0; stage < stages; ++stage)
        EXPECT_EQ(most[stage], std::min(micro, stages - stage));
    }
  }
}

TEST(Schedule, InterleavedEnds) {
  for (int64_t stages = 2; stages <= 4; ++stages) {
    for (int64_t chunks = 2; chunks <= 4; ++chunks) {
      for (int64_t groups = 1; groups <= 3; ++groups)
        EXPECT_FALSE(run_schedule(stages, chunks, groups * stages).empty()) << stages << " x " << chunks;
    }
  }
}

TEST(DivideBlocks, CountsWhatStandsBeforeAndAfter) {
  EXPECT_EQ(divide_blocks(8, 4, 0, 0), (std::vector<Range>{{0, 2}, {2, 4}, {4, 6}, {6, 8}}));
  EXPECT_EQ(divide_blocks(8, 3, 0, 2), (std::vector<Range>{{0, 3}, {3, 6}, {6, 8}}));
  EXPECT_EQ(divide_blocks(7, 3, 1.2, 1.2), (std::vector<Range>{{0, 2}, {2, 5}, {5, 7}}));
  EXPECT_EQ(divide_blocks(3, 3, 9, 9), (std::vector<Range>{{0, 1}, {1, 2}, {2, 3}}));
}

/// The least maximum of work that any division of `depth` blocks over `parts` parts has: the least number w
/// for which parts of work up to w hold all blocks.
double least_maximum(int64_t depth, int64_t parts, double first, double last) {
  auto extra = [&](int64_t part) { return (part == 0 ? first : 0.0) + (part == parts - 1 ? last : 0.0); };
  std::set<double> candidates;
  for (int64_t part = 0; part < parts; ++part) {
    for (int64_t size = 1; size <= depth; ++size)
      candidates.insert(static_cast<double>(size) + extra(part));
  }
  const auto holds = [&](double most) {
    int64_t room = 0;
    for (int64_t part = 0; part < parts; ++part) {
      const auto size = static_cast<int64_t>(std::floor(most - extra(part) + 1e-9));
      if (size < 1) return false;
      room += size;
    }
    return room >= depth;
  };
  return *std::find_if(candidates.begin(), candidates.end(), holds);
}

TEST(DivideBlocks, EndsAndIsEvenAtEverySize) {
  // The last two are the sums that once differed by an ulp and moved a block to and fro for ever.
  const std::pair<double, double> costs[] = {{0.0, 0.0}, {0.5, 0.5},   {1.2, 1.2}, {0.0, 3.7},
                                             {9.0, 0.1}, {1e-17, 0.0}, {0.1, 0.3}, {0.1 + 0.2, 0.3}};
  for (const auto& [first, last] : costs) {
    for (int64_t depth = 1; depth <= 64; ++depth) {
      for (int64_t parts = 1; parts <= std::min<int64_t>(depth, 16); ++parts) {
        SCOPED_TRACE(testing::Message()
                     << depth << " blocks, " << parts << " parts, " << first << " " << last);
        const std::vector<Range> blocks = divide_blocks(depth, parts, first, last);
        ASSERT_EQ(std::ssize(blocks), parts);
        EXPECT_EQ(blocks.front().begin, 0);
        EXPECT_EQ(blocks.back().end, depth);
        double most = 0.0;
        for (int64_t part = 0; part < parts; ++part) {
          EXPECT_GE(blocks[part].size(), 1);
          if (part > 0) {
            EXPECT_EQ(blocks[part].begin, blocks[part - 1].end);
          }
          most = std::max(most, static_cast<double>(blocks[part].size()) + (part == 0 ? first : 0.0) +
                                    (part == parts - 1 ? last : 0.0));
        }
        EXPECT_NEAR(most, least_maximum(depth, parts, first, last), 1e-9);
      }
    }
  }
}

TEST(Wires, CarryActivationsOnAndGradientsBack) {
  for (const int64_t chunks : {1, 2}) {
    comm::run_ranks(3, [&](comm::Comm& world) {
      comm::Mesh mesh(world, 3, 1, 1, 1);
      PipelineWires wires(mesh, chunks);
      const int rank = world.rank();
      const auto me = static_cast<double>(rank);
      wires.send_activation(at::full({2, 3}, me, at::kDouble));
      wires.send_gradient(at::full({4}, 10 + me, at::kDouble));
      const double previous = rank == 0 ? 2 : me - 1, next = rank == 2 ? 0 : me + 1;
      EXPECT_TRUE(at::equal(wires.receive_gradient({4}, at::kDouble), at::full({4}, 10 + next, at::kDouble)));
      EXPECT_TRUE(
          at::equal(wires.receive_activation({2, 3}, at::kDouble), at::full({2, 3}, previous, at::kDouble)));
      wires.finish();
      EXPECT_EQ(mesh.traffic().at("pp").bytes, (6 + 4) * 8);
    });
  }
}

struct Message {
  int communicator, peer;
  bool sent;
};

/// One rank alone that notes its messages. Communicators are numbered in the order of their making, which is
/// the same on all ranks.
class Recorder final : public comm::CheckedComm {
 public:
  struct Log {
    int communicators = 0;
    std::vector<Message> messages;
  };
  Recorder(int rank, std::vector<int> members, Log& log)
      : comm::CheckedComm(rank, std::move(members)), log_(log), number_(log.communicators++) {}

 private:
  Log& log_;
  int number_;

  [[noreturn]] static comm::Pending none() { throw std::logic_error("not a message"); }
  /// Only where a split meets.
  comm::Pending start_all_gather(const comm::Call&, const Tensor& mine, const comm::Counts& counts) override {
    return comm::Pending([result = mine.repeat({std::ssize(counts)})] { return result; });
  }
  comm::Pending start_reduce_scatter(const comm::Call&, const Tensor&, const comm::Counts&) override {
    none();
  }
  comm::Pending start_all_reduce(const comm::Call&, const Tensor&) override { none(); }
  comm::Pending start_all_to_all(const comm::Call&, const Tensor&, const comm::Counts&,
                                 const comm::Counts&) override {
    none();
  }
  comm::Pending start_broadcast(const comm::Call&, const Tensor&, int) override { none(); }
  comm::Pending start_send_recv(const comm::Call&, const Tensor& x, int to, int from,
                                int64_t count) override {
    if (x.numel() > 0) log_.messages.push_back({number_, to, true});
    if (count > 0) log_.messages.push_back({number_, from, false});
    return comm::Pending([result = at::zeros({count}, x.options())] { return result; });
  }
  std::unique_ptr<comm::Comm> make_group(int, int rank, std::vector<int> members) override {
    return std::make_unique<Recorder>(rank, std::move(members), log_);
  }
};

/// What a stage sends and receives in a step, in the order in which it asks for it.
std::vector<Message> messages_of(int stage, int stages, int64_t chunks, int64_t micro_batches) {
  std::vector<int> members(stages);
  std::iota(members.begin(), members.end(), 0);
  Recorder::Log log;
  Recorder world(stage, members, log);
  comm::Mesh mesh(world, stages, 1, 1, 1);
  PipelineWires wires(mesh, chunks);
  const Tensor x = at::zeros({1}, at::kDouble);
  for (const Action& a : pipeline_schedule(stage, stages, chunks, micro_batches)) {
    const bool begins = stage == 0 && a.chunk == 0, ends = stage == stages - 1 && a.chunk == chunks - 1;
    if (a.kind == Action::Kind::forward) {
      if (!begins) wires.receive_activation({1}, at::kDouble);
      if (!ends) wires.send_activation(x);
    } else {
      if (!ends) wires.receive_gradient({1}, at::kDouble);
      if (!begins) wires.send_gradient(x);
    }
  }
  return log.messages;
}

/// Runs the messages of all stages against one another as NCCL does: on a communicator strictly in order,
/// both ends at once, and none before what the stage computes from all that it received earlier. Returns how
/// many are left.
size_t stuck_messages(int stages, int64_t chunks, int64_t micro_batches) {
  std::vector<std::vector<Message>> waiting;
  for (int stage = 0; stage < stages; ++stage)
    waiting.push_back(messages_of(stage, stages, chunks, micro_batches));
  // The first of its communicator, with no receive before it.
  const auto next = [&](int stage, int communicator) {
    auto& all = waiting[stage];
    for (auto m = all.begin(); m != all.end(); ++m) {
      if (m->communicator == communicator) return m;
      if (!m->sent) break;
    }
    return all.end();
  };
  for (bool moved = true; moved;) {
    moved = false;
    for (int from = 0; from < stages; ++from) {
      for (int communicator = 0; communicator < 8; ++communicator) {
        const auto sent = next(from, communicator);
        if (sent == waiting[from].end() || !sent->sent) continue;
        const int to = sent->peer;
        const auto received = next(to, communicator);
        if (received == waiting[to].end() || received->sent || received->peer != from) continue;
        waiting[from].erase(sent);
        waiting[to].erase(received);
        moved = true;
      }
    }
  }
  size_t left = 0;
  for (const auto& messages : waiting)
    left += messages.size();
  return left;
}

TEST(Wires, NeverWaitForOneAnotherWhereMessagesGoStrictlyInOrder) {
  EXPECT_FALSE(messages_of(0, 2, 2, 2).empty());
  for (int stages = 2; stages <= 5; ++stages) {
    for (int64_t chunks = 1; chunks <= 4; ++chunks) {
      for (int64_t groups = 1; groups <= 3; ++groups)
        EXPECT_EQ(stuck_messages(stages, chunks, groups * stages), 0U) << stages << " x " << chunks;
    }
  }
}

}  // namespace
}  // namespace seqvit::parallel
