/// Messages between test devices: comm/nccl_comm.cpp over NCCL's functions of nccl.cpp. What goes wrong is
/// named.
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include "comm/mesh.h"
#include "comm/thread.h"
#include "device/nccl_faults.h"
#include "device/test_device.h"
#include "support/errors.h"

namespace seqvit::test_device {
namespace {

using at::Tensor;
using comm::Comm;

class Nccl : public testing::Test {
 protected:
  Nccl() {
    print_reports(false);
    take_reports();
  }
  ~Nccl() override {
    for (int d = 0; d < kDevices; ++d)
      inject(NcclFault::none, d);
    set_nccl_patience(60.0);
    comm::set_comm_timeout(600.0);
    set_device_count(kDevices);
    take_reports();
    print_reports(true);
  }
};

/// f(communicator of devices, this rank's device) on n rank-threads.
void on_devices(int n, const std::function<void(Comm&, c10::Device)>& f) {
  comm::run_ranks(n, [&](Comm& world) {
    const comm::Mesh mesh(world, 1, 1, n, 1, DeviceKind::cuda);
    f(mesh.world(), mesh.device());
  });
}

/// Every collective, with parts of other sizes on every rank, gives what the host's communicator gives.
TEST_F(Nccl, MovesAndSumsAsTheHostDoes) {
  for (const int n : {1, 2, 3, 4}) {
    comm::run_ranks(n, [&](Comm& host) {
      const comm::Mesh mesh(host, 1, 1, n, 1, DeviceKind::cuda);
      Comm& gpus = mesh.world();
      const int rank = host.rank();
      comm::Counts counts;
      for (int r = 0; r < n; ++r)
        counts.push_back(r == 1 ? 0 : 3 * r + 2);
      for (const auto type : {at::kDouble, at::kFloat, at::kLong}) {
        const auto values = [&](int64_t size) { return at::arange(size, type) + 100 * rank; };
        const auto expect_same = [&](const char* name, const auto& collective, int64_t size) {
          const Tensor x = values(size);
          const Tensor expected = collective(host, x).wait(),
                       found = collective(gpus, x.to(mesh.device())).wait();
          EXPECT_EQ(found.device(), mesh.device());
          EXPECT_TRUE(found.cpu().equal(expected))
              << name << " of " << c10::toString(type) << " on rank " << rank << " of " << n;
        };
        const int64_t all = comm::total(counts);
        expect_same(
            "all_gather", [&](Comm& c, const Tensor& x) { return c.all_gather(x, counts, "test"); },
            counts[rank]);
        expect_same(
            "reduce_scatter", [&](Comm& c, const Tensor& x) { return c.reduce_scatter(x, counts, "test"); },
            all);
        expect_same(
            "all_reduce", [&](Comm& c, const Tensor& x) { return c.all_reduce(x, "test"); }, 7);
        expect_same(
            "broadcast", [&](Comm& c, const Tensor& x) { return c.broadcast(x, n - 1, "test"); }, 5);
        const comm::Counts received(n, counts[rank]);
        expect_same(
            "all_to_all", [&](Comm& c, const Tensor& x) { return c.all_to_all(x, counts, received, "test"); },
            all);
        expect_same(
            "send_recv",
            [&](Comm& c, const Tensor& x) {
              return c.send_recv(x, (rank + 1) % n, (rank + n - 1) % n, 4, "test");
            },
            4);
      }
    });
  }
  EXPECT_TRUE(take_reports().empty());
}

TEST_F(Nccl, ReadingAResultBeforeItsWaitIsReported) {
  on_devices(2, [](Comm& gpus, c10::Device device) {
    Tensor x = at::ones({4}, at::TensorOptions(at::kDouble).device(device));
    comm::Pending sum = gpus.all_reduce(x, "test");
    x.zero_();  // it may not have been read yet
    sum.wait();
  });
  const auto reports = take_reports();
  ASSERT_FALSE(reports.empty());
  EXPECT_NE(reports[0].text.find("aten::zero_ on stream 0 writes what ncclAllReduce"), std::string::npos)
      << reports[0].text;
}

/// Runs ranks that end with an error; returns rank 0's.
std::string error_of(int n, const std::function<void(Comm&, c10::Device)>& f) {
  std::string text = "no error";
  try {
    on_devices(n, [&](Comm& gpus, c10::Device device) {
      try {
        f(gpus, device);
      } catch (const Error& error) {
        if (gpus.rank() == 0) text = std::to_string(static_cast<int>(error.code())) + ": " + error.what();
        throw;
      }
    });
  } catch (const std::exception&) {
  }
  return text;
}

Tensor summed(Comm& gpus, c10::Device device, int64_t elements = 4) {
  const Tensor x = at::ones({elements}, at::TensorOptions(at::kDouble).device(device));
  return gpus.to_host(gpus.all_reduce(x, "gradient").wait());
}

void expect_report(const char* part) {
  std::string all;
  for (const Report& report : take_reports())
    all += report.text + "\n";
  EXPECT_NE(all.find(part), std::string::npos) << "no '" << part << "' in\n" << all;
}

TEST_F(Nccl, RanksThatCallDifferentlyAreNamed) {
  comm::set_comm_timeout(1.0);
  const std::string error =
      error_of(3, [](Comm& gpus, c10::Device device) { summed(gpus, device, gpus.rank() == 2 ? 5 : 4); });
  expect_report("rank 0 calls ncclAllReduce of 4 float64, rank 2 calls ncclAllReduce of 5 float64");
  EXPECT_EQ(error.substr(0, 2), "5:") << error;
}

TEST_F(Nccl, ARankThatDoesNotComeIsNamed) {
  comm::set_comm_timeout(1.0);
  set_nccl_patience(0.5);
  const std::string error = error_of(3, [](Comm& gpus, c10::Device device) {
    if (gpus.rank() != 1) summed(gpus, device);
    gpus.barrier("later");
  });
  expect_report("ncclAllReduce of 4 float64: rank 1 did not come");
  EXPECT_EQ(error.substr(0, 2), "5:") << error;
}

TEST_F(Nccl, AMessageBehindAnotherStandsStill) {
  comm::set_comm_timeout(10.0);
  on_devices(2, [](Comm& gpus, c10::Device device) {
    const auto options = at::TensorOptions(at::kDouble).device(device);
    const Tensor x = at::ones({4}, options), none = at::empty({0}, options);
    const int peer = 1 - gpus.rank();
    // Both send, then both receive, in one stream.
    comm::Pending sent = gpus.send_recv(x, peer, peer, 0, "test");
    gpus.send_recv(none, peer, peer, 4, "test").wait();
    sent.wait();
  });
  expect_report("both stand still on a GPU");
}

/// What the others see: exit code 5 with the rank that is gone.
TEST_F(Nccl, ALostRankIsNamed) {
  comm::set_comm_timeout(20.0);
  inject(NcclFault::lose_rank, 2, 2);
  const std::string error = error_of(3, [](Comm& gpus, c10::Device device) {
    summed(gpus, device);
    summed(gpus, device);
  });
  EXPECT_EQ(error.substr(0, 2), "5:") << error;
  EXPECT_NE(error.find("rank 2 ended"), std::string::npos) << error;
}

TEST_F(Nccl, AnErrorThatComesLaterIsNoticed) {
  comm::set_comm_timeout(20.0);
  for (int d = 0; d < 2; ++d)
    inject(NcclFault::async_error, d);
  const std::string error = error_of(2, [](Comm& gpus, c10::Device device) { summed(gpus, device); });
  EXPECT_EQ(error.substr(0, 2), "5:") << error;
  EXPECT_NE(error.find("remote process exited"), std::string::npos) << error;
}

TEST_F(Nccl, MessagesThatNeverEndHaveALimit) {
  comm::set_comm_timeout(0.5);
  for (int d = 0; d < 2; ++d)
    inject(NcclFault::never_ends, d);
  const std::string error = error_of(2, [](Comm& gpus, c10::Device device) { summed(gpus, device); });
  EXPECT_EQ(error.substr(0, 2), "5:") << error;
  EXPECT_NE(error.find("no answer within"), std::string::npos) << error;
  EXPECT_TRUE(take_reports().empty());
}

/// Where the program waits without a limit, the device says so.
TEST_F(Nccl, AHostThatWaitsWithoutALimitIsReported) {
  inject(NcclFault::never_ends, 0), inject(NcclFault::never_ends, 1);
  EXPECT_ANY_THROW(on_devices(2, [](Comm& gpus, c10::Device device) {
    const Tensor x = at::ones({1}, at::TensorOptions(at::kDouble).device(device));
    gpus.all_reduce(x, "test").wait().item<double>();
  }));
  expect_report("the host waits (item) for work that never ends");
}

TEST_F(Nccl, RanksThatHaveTheSameGpuAreNamed) {
  set_device_count(2);
  for (const bool shares : {false, true}) {
    const auto run = [&] {
      comm::run_ranks(3, [&](Comm& world) {
        const comm::Mesh mesh(world, 1, 1, 3, 1, DeviceKind::cuda, shares);
        const Tensor x = at::ones({1}, at::TensorOptions(at::kDouble).device(mesh.device()));
        EXPECT_EQ(mesh.device().index(), world.rank() % 2);
        EXPECT_EQ(mesh.world().all_reduce(x, "test").wait().item<double>(), 3.0);
      });
    };
    if (shares) {
      run();
    } else {
      expect_error(Exit::usage, {"ranks 0 and 2 have the same GPU"}, run);
    }
  }
}

}  // namespace
}  // namespace seqvit::test_device
