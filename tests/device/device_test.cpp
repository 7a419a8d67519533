/// The test device itself: it computes what the CPU does, and each rule that is broken is seen.
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <c10/core/Event.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <gtest/gtest.h>

#include "device/test_device.h"

namespace seqvit::test_device {
namespace {

using at::Tensor;

class Device : public testing::Test {
 protected:
  Device() {
    print_reports(false);
    take_reports();
  }
  ~Device() override {
    print_reports(true);
    take_reports();
  }
  c10::Device gpu = device(0);
  at::TensorOptions on_gpu = at::TensorOptions(at::kDouble).device(gpu);
  c10::impl::VirtualGuardImpl guard{gpu.type()};

  c10::Stream other_stream() const { return guard.getStreamFromGlobalPool(gpu, true); }
  /// `later` waits for what `earlier` does now.
  static void wait(const c10::Stream& earlier, const c10::Stream& later) {
    c10::Event event(later.device_type());
    event.record(earlier);
    event.block(later);
  }
};

/// The only report, or what there is instead.
std::string the_report() {
  const auto reports = take_reports();
  return reports.size() == 1 ? reports[0].text : std::to_string(reports.size()) + " reports";
}

void expect_in(const std::string& text, std::initializer_list<const char*> parts) {
  for (const char* part : parts)
    EXPECT_NE(text.find(part), std::string::npos) << text << ": no " << part;
}

TEST_F(Device, ComputesAndDifferentiatesAsTheCpuDoes) {
  const Tensor a = at::randn({6, 5}, at::kDouble), b = at::randn({5, 3}, at::kDouble);
  const auto loss_of = [](const Tensor& x, const Tensor& y) {
    return at::gelu(at::matmul(x, y)).square().sum();
  };
  const Tensor x = a.to(gpu).requires_grad_(), y = b.to(gpu).requires_grad_(),
               x_here = a.clone().requires_grad_(), y_here = b.clone().requires_grad_();
  const Tensor loss = loss_of(x, y), expected = loss_of(x_here, y_here);
  loss.backward(), expected.backward();
  EXPECT_EQ(loss.item<double>(), expected.item<double>());
  EXPECT_TRUE(x.grad().cpu().equal(x_here.grad()));
  EXPECT_TRUE(y.grad().cpu().equal(y_here.grad()));
  EXPECT_TRUE(take_reports().empty());
}

TEST_F(Device, AResultOfAnotherStreamIsReadOnlyAfterAWait) {
  const c10::Stream here = guard.getStream(gpu), other = other_stream();
  for (const bool waits : {false, true}) {
    Tensor made;
    {
      const c10::StreamGuard on_other(other);
      made = at::ones({4}, on_gpu).mul(2.0);
    }
    if (waits) wait(other, here);
    const Tensor sum = made.add(1.0);
    made.record_stream(here);
    if (waits) {
      EXPECT_TRUE(take_reports().empty());
    } else {
      expect_in(the_report(), {"aten::add on stream 0 reads what", "writes, without waiting"});
    }
  }
}

TEST_F(Device, WhatAnotherStreamReadsIsWrittenOnlyAfterAWait) {
  const c10::Stream here = guard.getStream(gpu), other = other_stream();
  for (const bool waits : {false, true}) {
    Tensor t = at::ones({4}, on_gpu), read;
    wait(here, other);
    {
      const c10::StreamGuard on_other(other);
      read = t.mul(2.0);
    }
    t.record_stream(other);
    if (waits) wait(other, here);
    t.zero_();
    if (waits) {
      EXPECT_TRUE(take_reports().empty());
    } else {
      expect_in(the_report(), {"aten::zero_ on stream 0 writes what aten::mul", "reads, without waiting"});
    }
  }
}

TEST_F(Device, MemoryThatAnotherStreamUsesIsKept) {
  const c10::Stream here = guard.getStream(gpu), other = other_stream();
  for (const char* kept : {"not", "recorded", "waited for", "host"}) {
    {
      const Tensor t = at::ones({4}, on_gpu);
      wait(here, other);
      const c10::StreamGuard on_other(other);
      t.mul_(3.0);
      if (kept == std::string("recorded")) t.record_stream(other);
      if (kept == std::string("waited for")) wait(other, here);
      if (kept == std::string("host")) guard.synchronizeStream(other);
    }
    if (kept != std::string("not")) {
      EXPECT_TRUE(take_reports().empty()) << kept;
    } else {
      expect_in(the_report(), {"memory of stream 0 given back while", "neither recorded nor waited for"});
    }
  }
}

TEST_F(Device, TensorsOfAnOperatorLieOnOneDevice) {
  const Tensor here = at::ones({4}, on_gpu);
  EXPECT_THROW(here.add(at::ones({4}, at::kDouble)), c10::Error);
  EXPECT_THROW(here.add(at::ones({4}, on_gpu.device(device(1)))), c10::Error);
  EXPECT_TRUE(take_reports().empty()) << "libtorch itself refuses these";
  EXPECT_THROW(here.index_select(0, at::zeros({2}, at::kLong)), c10::Error);
  expect_in(the_report(), {"aten::index_select: tensors on", "cpu"});
  static_cast<void>(here.add(at::full({}, 2.0, at::kDouble)));  // a number of the CPU
  EXPECT_TRUE(take_reports().empty());
}

TEST_F(Device, HostWaitsAndBytesAreCounted) {
  const Tensor t = at::ones({4}, on_gpu);
  const Tensor pinned = at::empty({4}, at::TensorOptions(at::kDouble).pinned_memory(true)).fill_(1.0);
  const auto waits_of = [&](const auto& f) {
    take_counts(0);
    f();
    return take_counts(0).wait_count();
  };
  EXPECT_EQ(waits_of([&] { t.sum().item<double>(); }), 1);
  EXPECT_EQ(waits_of([&] { t.cpu(); }), 1);
  EXPECT_EQ(waits_of([&] { at::nonzero(t); }), 1);
  EXPECT_EQ(waits_of([&] { static_cast<void>(t.equal(t)); }), 1);
  EXPECT_EQ(waits_of([&] { at::ones({4}, at::kDouble).to(gpu, /*non_blocking=*/true); }), 1) << "not pinned";
  EXPECT_EQ(waits_of([&] { pinned.to(gpu, /*non_blocking=*/true); }), 0);
  EXPECT_EQ(waits_of([&] { pinned.to(gpu); }), 1);
  EXPECT_EQ(waits_of([&] { static_cast<void>(t.mul(2.0).add(t)); }), 0);
  take_counts(0);
  pinned.to(gpu);
  t.cpu();
  static_cast<void>(t.mul(2.0));
  const Counts counts = take_counts(0);
  EXPECT_EQ(counts.bytes_to_device, 32);
  EXPECT_EQ(counts.bytes_to_host, 32);
  EXPECT_EQ(counts.kernels.at("aten::mul"), 1);
}

TEST_F(Device, NewAndFreedMemoryIsNotANumber) {
  const void* first = nullptr;
  {
    const Tensor t = at::ones({100}, on_gpu);
    first = t.const_data_ptr();
  }
  const Tensor next = at::empty({100}, on_gpu);
  EXPECT_EQ(next.const_data_ptr(), first) << "as libtorch's allocator";
  EXPECT_TRUE(next.isnan().all().item<bool>());
}

using DeviceDeathTest = Device;
TEST_F(DeviceDeathTest, TheHostMayNotTouchItsMemory) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  const Tensor t = at::ones({4}, on_gpu);
  EXPECT_DEATH(std::fprintf(stderr, "%f", *t.const_data_ptr<double>()),
               "the host touches the device's memory");
}

}  // namespace
}  // namespace seqvit::test_device
