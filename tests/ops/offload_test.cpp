#include "ops/offload.h"

#include <ATen/ops/empty_like.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include "support/temporary_directory.h"

namespace seqvit::ops {
namespace {

TEST(OffloadFile, IsAStackThatGivesItsRoomBack) {
  const TemporaryDirectory d;
  OffloadFile file(d.path());
  const Tensor a = at::randn({3, 5}), b = at::randn({4}).to(at::kBFloat16);
  const int64_t first = file.put(a), second = file.put(b);
  const Tensor a2 = at::empty_like(a), b2 = at::empty_like(b);
  file.read(second, b2);
  file.drop(second, 4 * 2);
  file.read(first, a2);
  file.drop(first, 3 * 5 * 4);
  EXPECT_TRUE(at::equal(a, a2) && at::equal(b, b2));
  EXPECT_EQ(file.put(b), 0);
  EXPECT_TRUE(std::filesystem::is_empty(d.path()));  // the file has no name
}

/// In any order, as the stages of a pipeline ask for it; what waits is a copy.
TEST(HostStore, GivesBackWhatItWasGiven) {
  HostStore store;
  const Tensor a = at::randn({3, 5}), b = at::randn({2, 4}).to(at::kBFloat16), a_before = a.clone();
  const int64_t first = store.put(a), second = store.put(b);
  a.zero_();
  const Tensor a2 = at::empty_like(a), b2 = at::empty_like(b);
  store.read(first, a2);
  EXPECT_TRUE(at::equal(a2, a_before));
  store.drop(first, 3 * 5 * 4);
  store.read(second, b2);
  store.drop(second, 2 * 4 * 2);
  EXPECT_TRUE(at::equal(a2, a_before) && at::equal(b2, b));
  EXPECT_EQ(store.size(), 0);
}

/// Heads in the middle, as attention gives its result: the next operation then needs no copy.
TEST(Kept, LiesInMemoryAsBefore) {
  const TemporaryDirectory d;
  OffloadFile file(d.path());
  HostStore host;
  for (ActivationStore* store : std::vector<ActivationStore*>{&file, &host}) {
    const Tensor out = at::randn({2, 5, 3, 4}).transpose(1, 2), part = at::randn({4, 6}).slice(1, 0, 3);
    Kept whole(out, store), gaps(part, store);
    const Tensor found = whole.read();
    EXPECT_TRUE(at::equal(found, out));
    EXPECT_EQ(found.strides(), out.strides());
    EXPECT_TRUE(at::equal(gaps.take(), part));
    EXPECT_TRUE(at::equal(whole.take(), out));
  }
}

}  // namespace
}  // namespace seqvit::ops
