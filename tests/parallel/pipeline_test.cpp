#include "parallel/pipeline.h"

#include <set>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "comm/thread.h"

namespace seqvit {
namespace {

using Kind = Action::Kind;

/// Runs the lists of all stages against one another: an action waits for its input. Returns the most
/// micro-batches and chunks that a stage had in flight, or none if the stages wait for each other for ever.
std::vector<int64_t> run_schedule(int64_t stages, int64_t chunks, int64_t micro_batches) {
  std::vector<std::vector<Action>> lists;
  for (int64_t stage = 0; stage < stages; ++stage)
    lists.push_back(pipeline_schedule(stage, stages, chunks, micro_batches));
  std::set<std::tuple<Kind, int64_t, int64_t>> done;  // kind, micro-batch, virtual stage
  std::vector<size_t> next(stages, 0);
  std::vector<int64_t> held(stages, 0), most(stages, 0);
  const int64_t last = stages * chunks - 1;
  for (bool moved = true; moved;) {
    moved = false;
    for (int64_t stage = 0; stage < stages; ++stage) {
      if (next[stage] == lists[stage].size()) continue;
      const Action a = lists[stage][next[stage]];
      const int64_t place = a.chunk * stages + stage;
      const bool ready = a.kind == Kind::forward
                             ? place == 0 || done.contains({Kind::forward, a.micro, place - 1})
                             : done.contains({Kind::forward, a.micro, place}) &&
                                   (place == last || done.contains({Kind::backward, a.micro, place + 1}));
      if (!ready) continue;
      EXPECT_TRUE(done.insert({a.kind, a.micro, place}).second) << "twice";
      held[stage] += a.kind == Kind::forward ? 1 : -1;
      most[stage] = std::max(most[stage], held[stage]);
      ++next[stage];
      moved = true;
    }
  }
  if (done.size() != static_cast<size_t>(2 * micro_batches * stages * chunks)) return {};
  return most;
}

TEST(Schedule, IsGradientAccumulationOnOneStage) {
  EXPECT_EQ(
      pipeline_schedule(0, 1, 1, 2),
      (std::vector<Action>{
          {Kind::forward, 0, 0}, {Kind::backward, 0, 0}, {Kind::forward, 1, 0}, {Kind::backward, 1, 0}}));
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

TEST(Wires, CarryActivationsOnAndGradientsBack) {
  run_ranks(3, [](Comm& pp) {
    const auto back = pp.split([](int) { return 0; });
    PipelineWires wires(pp, *back);
    const auto me = static_cast<double>(pp.rank());
    wires.send_activation(at::full({2, 3}, me, at::kDouble));
    wires.send_gradient(at::full({4}, 10 + me, at::kDouble));
    const double previous = pp.rank() == 0 ? 2 : me - 1, next = pp.rank() == 2 ? 0 : me + 1;
    EXPECT_TRUE(at::equal(wires.receive_gradient({4}, at::kDouble), at::full({4}, 10 + next, at::kDouble)));
    EXPECT_TRUE(
        at::equal(wires.receive_activation({2, 3}, at::kDouble), at::full({2, 3}, previous, at::kDouble)));
    wires.finish();
    EXPECT_EQ(pp.traffic().at("pp").bytes, 6 * 8);
    EXPECT_EQ(back->traffic().at("pp").bytes, 4 * 8);
  });
}

}  // namespace
}  // namespace seqvit
