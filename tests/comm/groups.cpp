// Communicators made from communicators, and the mesh.
#include <gtest/gtest.h>

#include "comm/mesh.h"
#include "conformance.h"
#include "core/error.h"
#include "tensors.h"

namespace seqvit::comm {
namespace {

/// Ranks of the world in the order of `comm`.
std::vector<int64_t> worlds(Comm& comm, int world_rank) {
  const Tensor mine = make<int64_t>(1, [&](int64_t) { return world_rank; });
  return values<int64_t>(comm.all_gather(mine, Counts(comm.size(), 1), "who").wait());
}

void split(Comm& world) {
  const int me = world.rank(), size = world.size();
  const std::unique_ptr<Comm> third = world.split([](int r) { return r % 3 - 1; });  // colors may be negative
  std::vector<int64_t> expected;
  for (int r = me % 3; r < size; r += 3)
    expected.push_back(r);
  EXPECT_EQ(worlds(*third, me), expected);
  EXPECT_EQ(third->size(), static_cast<int>(expected.size()));
  EXPECT_EQ(expected[third->rank()], me);
  EXPECT_EQ(third->traffic().size(), 1u);

  const std::unique_ptr<Comm> alone = world.split([](int r) { return r; });
  EXPECT_EQ(alone->size(), 1);
  EXPECT_EQ(worlds(*alone, me), std::vector<int64_t>{me});
}

void nested_split(Comm& world) {
  const int me = world.rank();
  const std::unique_ptr<Comm> half =
      world.split([half = world.size() / 2](int r) { return r < half ? 7 : 3; });
  const std::unique_ptr<Comm> quarter = half->split([](int r) { return r % 2; });
  const std::unique_ptr<Comm> again = half->split([](int) { return 0; });
  EXPECT_EQ(again->size(), half->size());
  EXPECT_EQ(again->rank(), half->rank());
  const std::vector<int64_t> in_half = worlds(*half, me), in_quarter = worlds(*quarter, me);
  std::vector<int64_t> expected;
  for (size_t r = half->rank() % 2; r < in_half.size(); r += 2)
    expected.push_back(in_half[r]);
  EXPECT_EQ(in_quarter, expected);
  EXPECT_EQ(worlds(*again, me), in_half);
  EXPECT_EQ(worlds(world, me).size(), static_cast<size_t>(world.size()));
}

/// For each way to fill the world: who stands on each line through me.
void mesh(Comm& world) {
  const int size = world.size(), me = world.rank();
  for (int tp = 1; tp <= size; ++tp) {
    for (int sp = 1; size % tp == 0 && sp <= size / tp; ++sp) {
      if (size % (tp * sp) != 0) continue;
      const int rest = size / (tp * sp), dp = rest % 2 == 0 ? 2 : 1, pp = rest / dp;
      Mesh made(world, pp, dp, sp, tp);
      const int t = me % tp, s = me / tp % sp, d = me / (tp * sp) % dp, p = me / (tp * sp * dp);
      const auto at = [&](int p_, int d_, int s_, int t_) {
        return int64_t{((p_ * dp + d_) * sp + s_) * tp + t_};
      };
      std::vector<int64_t> pps, dps, sps, tps, data;
      for (int i = 0; i < pp; ++i)
        pps.push_back(at(i, d, s, t));
      for (int i = 0; i < dp; ++i)
        dps.push_back(at(p, i, s, t));
      for (int i = 0; i < sp; ++i)
        sps.push_back(at(p, d, i, t));
      for (int i = 0; i < tp; ++i)
        tps.push_back(at(p, d, s, i));
      for (int i = 0; i < dp * sp; ++i)
        data.push_back(at(p, i / sp, i % sp, t));
      EXPECT_EQ(worlds(made.pp(), me), pps);
      EXPECT_EQ(worlds(made.dp(), me), dps);
      EXPECT_EQ(worlds(made.sp(), me), sps);
      EXPECT_EQ(worlds(made.tp(), me), tps);
      EXPECT_EQ(worlds(made.data(), me), data);
      std::vector<int64_t> stage, tokens;
      for (int i = 0; i < dp * sp * tp; ++i)
        stage.push_back(int64_t{p} * dp * sp * tp + i);
      for (int i = 0; i < sp * tp; ++i)
        tokens.push_back(at(p, d, i / tp, i % tp));
      EXPECT_EQ(worlds(made.stage(), me), stage);
      EXPECT_EQ(worlds(made.tokens(), me), tokens);
      EXPECT_EQ(worlds(made.pp_line(1), me), pps);
      EXPECT_EQ(made.data().rank(), d * sp + s);
      EXPECT_EQ(&made.world(), &world);
    }
  }
}

void mesh_sequence(Comm& world) {
  const int size = world.size(), me = world.rank();
  Mesh made(world, 1, 1, size, 1);
  const int64_t before = made.traffic()["who"].bytes;
  for (int ulysses = 1; ulysses <= size; ++ulysses) {
    if (size % ulysses != 0) {
      EXPECT_THROW(made.split_sequence(ulysses), Error);
      continue;
    }
    const SequenceSplit& parts = made.split_sequence(ulysses);
    EXPECT_EQ(&made.split_sequence(ulysses), &parts);
    std::vector<int64_t> inner, outer;
    for (int i = 0; i < ulysses; ++i)
      inner.push_back(me / ulysses * ulysses + i);
    for (int i = 0; i < size / ulysses; ++i)
      outer.push_back(i * ulysses + me % ulysses);
    EXPECT_EQ(worlds(*parts.ulysses, me), inner);
    EXPECT_EQ(worlds(*parts.ring, me), outer);
  }
  int64_t sent = 0;  // eight bytes to each other rank of each group
  for (int ulysses = 1; ulysses <= size; ++ulysses)
    if (size % ulysses == 0) sent += 8 * (ulysses - 1 + size / ulysses - 1);
  EXPECT_EQ(made.traffic()["who"].bytes - before, sent);
}

void mesh_refuses(Comm& world) {
  const int size = world.size();
  try {
    Mesh(world, 1, 2, size, 1);
    ADD_FAILURE() << "twice the ranks";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Exit::usage);
    const std::string expected =
        fmt::format("parallel: pp 1 x dp 2 x sp {} x tp 1 = {} ranks, but {} ", size, 2 * size, size);
    EXPECT_EQ(std::string(error.what()).substr(0, expected.size()), expected);
    EXPECT_NE(std::string(error.what()).find(fmt::format("mpirun -n {}", 2 * size)), std::string::npos);
  }
  EXPECT_THROW(Mesh(world, 0, 1, size, 1), Error);
  EXPECT_THROW(Mesh(world, -1, -1, size, 1), Error);
}

}  // namespace

std::vector<ConformanceCase> group_cases() {
  return {{"split", split},
          {"nested_split", nested_split},
          {"mesh", mesh},
          {"mesh_sequence", mesh_sequence},
          {"mesh_refuses", mesh_refuses}};
}

}  // namespace seqvit::comm
