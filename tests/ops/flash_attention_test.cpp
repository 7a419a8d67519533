/// Our kernel against fp64, with libtorch's kernel as the yardstick.
#include "ops/flash_attention.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu_backward.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/isnan.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "ops/flash/kernel.h"

namespace seqvit::ops {
namespace {

struct Case {
  int64_t queries, keys, head_dim;
  double sharpness;  ///< factor on q: 1 is a usual row, 8 a peaked one, 0 a flat one
};

struct Problem {
  Tensor q, k, v, grad;
};

Problem make_problem(const Case& c, at::ScalarType type, int64_t heads = 3) {
  auto random = [&](int64_t rows, double factor) {
    return (at::randn({1, heads, rows, c.head_dim}) * factor).to(type);
  };
  return {random(c.queries, c.sharpness), random(c.keys, 1), random(c.keys, 1), random(c.queries, 1)};
}

struct Result {
  Tensor out, lse, dq, dk, dv;
};

Result exact(const Problem& p) {
  const double scale = 1.0 / std::sqrt(static_cast<double>(p.q.size(3)));
  const Tensor q = p.q.to(at::kDouble), k = p.k.to(at::kDouble), v = p.v.to(at::kDouble),
               g = p.grad.to(at::kDouble);
  const Tensor scores = at::matmul(q, k.transpose(2, 3)) * scale, probabilities = at::softmax(scores, -1);
  const Tensor out = at::matmul(probabilities, v), dp = at::matmul(g, v.transpose(2, 3));
  const Tensor ds = probabilities * (dp - (g * out).sum(-1, true)) * scale;
  return {out, at::logsumexp(scores, {-1}), at::matmul(ds, k), at::matmul(ds.transpose(2, 3), q),
          at::matmul(probabilities.transpose(2, 3), g)};
}

Result ours(const Problem& p) {
  const auto [out, lse] = flash_forward(p.q, p.k, p.v);
  const AttentionGradients g = flash_backward(p.grad, p.q, p.k, p.v, out, lse);
  return {out, lse, g.q, g.k, g.v};
}

Result libtorch(const Problem& p) {
  const auto [out, lse] = at::_scaled_dot_product_flash_attention_for_cpu(p.q, p.k, p.v);
  const auto [dq, dk, dv] =
      at::_scaled_dot_product_flash_attention_for_cpu_backward(p.grad, p.q, p.k, p.v, out, lse, 0.0, false);
  return {out, lse, dq, dk, dv};
}

double error(const Tensor& found, const Tensor& expected) {
  const double scale = expected.norm().item<double>();
  return (found.to(at::kDouble) - expected).norm().item<double>() / std::max(scale, 1e-30);
}

/// Errors so small that chance decides which is the smaller.
struct Floors {
  double fp32 = 4e-7, bf16 = 1e-3;
  double of(at::ScalarType type) const { return type == at::kBFloat16 ? bf16 : fp32; }
};

void expect_as_exact_as_libtorch(const Case& c, at::ScalarType type, const Floors& floors = {}) {
  SCOPED_TRACE(testing::Message() << c.queries << " queries, " << c.keys << " keys, width " << c.head_dim
                                  << ", sharpness " << c.sharpness);
  const Problem p = make_problem(c, type);
  const Result truth = exact(p), mine = ours(p), theirs = libtorch(p);
  // In fp32 a score of a wide head is one long chain of additions here and several short ones in libtorch.
  const double floor = floors.of(type), factor = type == at::kFloat && c.head_dim > 128 ? 1.5 : 1.1;
  auto compare = [&](const char* name, const Tensor& a, const Tensor& b, const Tensor& t) {
    EXPECT_LE(error(a, t), std::max(factor * error(b, t), floor)) << name << ", libtorch " << error(b, t);
  };
  compare("out", mine.out, theirs.out, truth.out);
  compare("lse", mine.lse, theirs.lse, truth.lse);
  if (c.sharpness > 0 && c.keys > 1) {  // else the exact dq is zero, or dk is
    compare("dq", mine.dq, theirs.dq, truth.dq);
    compare("dk", mine.dk, theirs.dk, truth.dk);
  }
  compare("dv", mine.dv, theirs.dv, truth.dv);
}

/// While it lives, no head fits when packed.
struct SmallRoom {
  SmallRoom() { set_flash_packed_room(1); }
  ~SmallRoom() { set_flash_packed_room(kDefaultPackedRoom); }
};

class Threads {
 public:
  explicit Threads(int n) { at::set_num_threads(n); }
  ~Threads() { at::set_num_threads(before_); }

 private:
  int before_ = at::get_num_threads();
};

struct KernelKind {
  flash::Type type;
  flash::Instructions instructions;
};

/// A kernel by its type and instructions; where the processor lacks them, its tests are skipped.
class FlashAttention : public testing::TestWithParam<KernelKind> {
 protected:
  void SetUp() override {
    flash::use_at_most(GetParam().instructions);
    if (flash::instructions_for(GetParam().type) != GetParam().instructions)
      GTEST_SKIP() << "this processor lacks the instructions";
    at::manual_seed(1);
  }
  void TearDown() override { flash::use_at_most(flash::Instructions::amx); }
  static at::ScalarType type() { return GetParam().type == flash::Type::bf16 ? at::kBFloat16 : at::kFloat; }
};

TEST_P(FlashAttention, IsAsExactAsLibtorch) {
  const std::vector<Case> cases = {
      {64, 64, 64, 1},     {1, 1, 64, 1},      {7, 5, 64, 1},       {5, 7, 64, 8},       {96, 256, 64, 1},
      {97, 257, 64, 1},    {333, 517, 64, 1},  {333, 517, 64, 8},   {333, 517, 64, 0},   {1000, 777, 64, 1},
      {512, 512, 64, 8},   {1, 700, 64, 1},    {700, 1, 64, 1},     {192, 128, 32, 1},   {300, 450, 32, 1},
      {300, 450, 32, 8},   {300, 450, 32, 0},  {130, 70, 24, 1},    {200, 200, 8, 1},    {129, 191, 16, 1},
      {257, 190, 80, 1},   {257, 190, 96, 8},  {95, 65, 96, 1},     {300, 450, 48, 1},   {77, 200, 40, 8},
      {513, 1025, 128, 1}, {128, 128, 128, 8}, {63, 300, 128, 0},   {200, 100, 100, 1},  {65, 129, 192, 1},
      {130, 130, 256, 1},  {77, 33, 160, 8},   {2048, 2048, 64, 1}, {1500, 1700, 32, 1}, {128, 4096, 64, 1},
      {4096, 128, 64, 1}};
  for (const Case& c : cases)
    expect_as_exact_as_libtorch(c, type());
}

/// Widths that no panel and no tile divides, rows with one key, keys with one query.
TEST_P(FlashAttention, AnyWidth) {
  // Few numbers, each rounded once or twice. On a processor with AMX libtorch computes bf16 otherwise, and is
  // no measure of the kernel that serves those without.
  const Floors few_units = {1e-6, GetParam().instructions == flash::Instructions::avx512_bf16 ? 6e-3 : 1e-3};
  for (int64_t width = 16; width <= 256; width += 16)
    expect_as_exact_as_libtorch({37, 129, width, 1}, type(), few_units);
  for (const int64_t width : {1, 20, 72, 130, 255}) {
    for (const Case& c : {Case{70, 33, width, 1}, {65, 1, width, 1}, {1, 65, width, 1}, {40, 40, width, 0}})
      expect_as_exact_as_libtorch(c, type(), few_units);
  }
}

/// Scores of thousands: one key has all the weight, the exponentials of the others are zero.
TEST_P(FlashAttention, VeryLargeScores) {
  for (const int64_t width : {20, 64, 128}) {
    const Problem p = make_problem({150, 300, width, 1000}, type());
    const Result truth = exact(p), mine = ours(p), theirs = libtorch(p);
    EXPECT_LE(error(mine.out, truth.out),
              std::max(1.1 * error(theirs.out, truth.out), Floors{1e-5, 2e-4}.of(type())));
    EXPECT_LE(error(mine.lse, truth.lse), 3e-7);
    EXPECT_LE(error(mine.dv, truth.dv), std::max(1.1 * error(theirs.dv, truth.dv), 1e-3));
    // What is left of dP - D is rounding, times P. That of libtorch is as good a measure as there is.
    auto distance = [](const Tensor& a, const Tensor& b) {
      return (a.to(at::kDouble) - b.to(at::kDouble)).norm().item<double>();
    };
    EXPECT_LE(distance(mine.dq, truth.dq), 1.5 * distance(theirs.dq, truth.dq) + 1e-6);
    EXPECT_LE(distance(mine.dk, truth.dk), 1.5 * distance(theirs.dk, truth.dk) + 1e-6);
  }
}

/// All scores far below that of padding, which is zero: its exponential, measured from such rows, has no
/// limit.
TEST_P(FlashAttention, ScoresFarBelowZero) {
  Problem p = make_problem({70, 75, 64, 1}, type());
  p.q = p.q.abs(), p.k = (p.k.abs() * -20).to(type());
  const Result truth = exact(p), mine = ours(p), theirs = libtorch(p);
  EXPECT_LE(error(mine.out, truth.out), std::max(1.1 * error(theirs.out, truth.out), 1e-5));
  EXPECT_LE(error(mine.dq, truth.dq), std::max(1.5 * error(theirs.dq, truth.dq), 1e-5));
  EXPECT_LE(error(mine.dk, truth.dk), std::max(1.5 * error(theirs.dk, truth.dk), 1e-5));
}

TEST_P(FlashAttention, DoesNotDependOnTheNumberOfThreads) {
  for (const int64_t heads : {1, 3}) {
    const Problem p = make_problem({700, 900, 64, 1}, type(), heads);
    std::vector<Result> results;
    for (const int n : {1, 2, 5}) {
      const Threads count(n);
      results.push_back(ours(p));
    }
    for (const Result& r : results) {
      EXPECT_TRUE(at::equal(r.out, results[0].out) && at::equal(r.lse, results[0].lse));
      EXPECT_TRUE(at::equal(r.dq, results[0].dq) && at::equal(r.dk, results[0].dk));
      EXPECT_TRUE(at::equal(r.dv, results[0].dv));
    }
  }
}

/// More heads than are packed at a time.
TEST_P(FlashAttention, GroupsOfHeadsGiveTheSame) {
  const Problem p = make_problem({2000, 2000, 64, 1}, type(), 24);
  const Result all = ours(p);
  for (const int64_t head : {0, 11, 23}) {
    auto one = [&](const Tensor& t) { return t.narrow(1, head, 1); };
    const Result r = ours({one(p.q), one(p.k), one(p.v), one(p.grad)});
    EXPECT_TRUE(at::equal(r.out, one(all.out)) && at::equal(r.dq, one(all.dq)) &&
                at::equal(r.dk, one(all.dk)));
  }
}

TEST_P(FlashAttention, TakesStridedViewsAndLaysGradientsOutAsOneProjection) {
  const Tensor qkv = at::randn({2, 150, 3, 4, 32}).to(type()), parts = qkv.permute({2, 0, 3, 1, 4});
  const Tensor grad = at::randn({2, 150, 4, 32}).to(type()).transpose(1, 2);
  const Result strided = ours({parts[0], parts[1], parts[2], grad});
  const Result dense =
      ours({parts[0].contiguous(), parts[1].contiguous(), parts[2].contiguous(), grad.contiguous()});
  EXPECT_TRUE(at::equal(strided.out, dense.out) && at::equal(strided.dq, dense.dq));
  EXPECT_TRUE(at::equal(strided.dk, dense.dk) && at::equal(strided.dv, dense.dv));
  EXPECT_TRUE(strided.out.transpose(1, 2).is_contiguous());
  EXPECT_EQ(strided.dq.strides(), parts[0].strides());
  EXPECT_EQ(static_cast<char*>(strided.dk.data_ptr()) - static_cast<char*>(strided.dq.data_ptr()),
            4 * 32 * qkv.element_size());
}

TEST_P(FlashAttention, GradientsInPlaceAreTheSame) {
  for (const int64_t heads : {3, 24}) {  // all packed at a time, and not
    const Tensor qkv = at::randn({2, 700, 3, heads, 32}).to(type()), parts = qkv.permute({2, 0, 3, 1, 4});
    const Problem p{parts[0], parts[1], parts[2], at::randn({2, heads, 700, 32}).to(type())};
    const Result expected = ours(p);
    const AttentionGradients g =
        flash_backward(p.grad, p.q, p.k, p.v, expected.out, expected.lse, /*in_place=*/true);
    EXPECT_EQ(g.q.const_data_ptr(), p.q.const_data_ptr());
    EXPECT_EQ(g.k.const_data_ptr(), p.k.const_data_ptr());
    EXPECT_EQ(g.v.const_data_ptr(), p.v.const_data_ptr());
    EXPECT_TRUE(at::equal(g.q, expected.dq) && at::equal(g.k, expected.dk) && at::equal(g.v, expected.dv));
  }
}

/// Heads that do not fit when packed. In place, parts that follow still read what is to be overwritten.
TEST_P(FlashAttention, PartsOfQueriesAndKeysGiveTheSame) {
  for (const Case& c : {Case{1100, 1000, 64, 1}, Case{1333, 300, 48, 8}, Case{1300, 1000, 128, 1}}) {
    SCOPED_TRACE(testing::Message() << c.queries << " queries, " << c.keys << " keys, width " << c.head_dim);
    const Problem p = make_problem(c, type());
    const Result whole = ours(p);
    auto bytes = [&] { return flash_memory(type(), 3, c.queries, c.keys, c.head_dim).backward; };
    const Threads one(1);  // what keeps more busy has larger sums
    const int64_t bytes_whole = bytes();
    const SmallRoom room;
    EXPECT_LT(bytes(), bytes_whole);
    for (const int threads : {1, 2, 5}) {  // the fewer, the fewer keys in a part
      const Threads count(threads);
      auto copy = [](const Tensor& t) { return t.clone(); };
      for (const bool in_place : {false, true}) {
        const AttentionGradients g =
            flash_backward(p.grad, copy(p.q), copy(p.k), copy(p.v), whole.out, whole.lse, in_place);
        EXPECT_TRUE(at::equal(g.q, whole.dq) && at::equal(g.k, whole.dk) && at::equal(g.v, whole.dv));
      }
    }
  }
}

TEST_P(FlashAttention, RowsWhoseMaximumKeepsGrowing) {
  // Each block of keys beats the one before by far: the reference moves every time.
  Problem p = make_problem({100, 1000, 64, 1}, type());
  const Tensor ramp = at::arange(1000).div(40, "floor").view({1, 1, 1000, 1});
  p.q = p.q.abs(), p.k = (p.k.abs() * ramp * 0.5).to(type());
  const Result truth = exact(p), mine = ours(p), theirs = libtorch(p);
  EXPECT_LE(error(mine.out, truth.out), std::max(1.1 * error(theirs.out, truth.out), 2e-6));
  EXPECT_LE(error(mine.lse, truth.lse), 1e-6);
}

TEST_P(FlashAttention, NoKeysGiveZeroAndMinusInfinity) {
  const Problem p = make_problem({5, 0, 16, 1}, type());
  const Result r = ours(p);
  EXPECT_EQ(r.out.abs().max().item<float>(), 0.0F);
  EXPECT_TRUE((r.lse == -INFINITY).all().item<bool>());
  EXPECT_EQ(r.dq.abs().max().item<float>(), 0.0F);
}

TEST_P(FlashAttention, NotANumberIsNotHidden) {
  for (const float bad : {std::nanf(""), INFINITY}) {
    Problem p = make_problem({40, 300, 32, 1}, type());
    p.q[0][1][3][5] = bad;
    const Result r = ours(p);
    EXPECT_TRUE(at::isnan(r.out[0][1][3]).all().item<bool>());
    EXPECT_FALSE(at::isnan(r.out[0][1][4]).any().item<bool>());
    EXPECT_FALSE(at::isnan(r.out[0][0]).any().item<bool>());
    EXPECT_TRUE(at::isnan(r.dk[0][1]).any().item<bool>());
  }
}

INSTANTIATE_TEST_SUITE_P(Instructions, FlashAttention,
                         testing::Values(KernelKind{flash::Type::fp32, flash::Instructions::avx2},
                                         KernelKind{flash::Type::fp32, flash::Instructions::avx512},
                                         KernelKind{flash::Type::bf16, flash::Instructions::avx2},
                                         KernelKind{flash::Type::bf16, flash::Instructions::avx512},
                                         KernelKind{flash::Type::bf16, flash::Instructions::avx512_bf16},
                                         KernelKind{flash::Type::bf16, flash::Instructions::amx}),
                         [](const auto& test) {
                           const std::string type = test.param.type == flash::Type::bf16 ? "bf16" : "fp32";
                           switch (test.param.instructions) {
                             case flash::Instructions::avx2:
                               return type + "_avx2";
                             case flash::Instructions::avx512:
                               return type + "_avx512";
                             case flash::Instructions::avx512_bf16:
                               return type + "_avx512_bf16";
                             case flash::Instructions::amx:
                               break;
                           }
                           return type + "_amx";
                         });

}  // namespace
}  // namespace seqvit::ops
