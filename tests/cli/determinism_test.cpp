/// The same mesh of the same number of threads makes the same bytes, whatever else the machine does.
///
/// Other numbers of threads do not: libtorch's layer norm sums the gradients of its weight and bias over each
/// thread's tokens first (all other gradients have the same bits), so runs part in the last digits.
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "cli/program.h"
#include "core/file.h"
#include "support/temporary_directory.h"

namespace seqvit::cli {
namespace {

/// A busy loop on every core while it lives.
class Load {
 public:
  Load() {
    for (unsigned i = 0; i < std::max(1U, std::thread::hardware_concurrency()); ++i)
      threads_.emplace_back([this] {
        while (!stop_.load(std::memory_order_relaxed)) {
        }
      });
  }
  ~Load() {
    stop_ = true;
    for (std::thread& thread : threads_)
      thread.join();
  }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

 private:
  std::atomic<bool> stop_ = false;
  std::vector<std::thread> threads_;
};

/// Large enough that kernels and libtorch's sums go to several threads; gradients are clipped, so that the
/// sum over all of them counts.
const std::vector<std::string> kSettings = {
    "--model.patch_size=2",        "--model.embed_dim=64",       "--train.steps=4",
    "--train.warmup_steps=1",      "--train.max_grad_norm=0.01", "--train.validate_every=4",
    "--train.validation_samples=4"};

/// Checksums of the last checkpoint's files.
std::string trained(const TemporaryDirectory& d, const std::string& name, const std::string& threads) {
  std::vector<std::string> command = {"train", small_config(d.path()), "--run", d / name};
  command.insert(command.end(), kSettings.begin(), kSettings.end());
  const Outcome outcome = seqvit(command, {{"OMP_NUM_THREADS", threads}});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  const std::filesystem::path weights = d / (name + "/checkpoints/step-00000004/rank-00000.safetensors");
  return std::filesystem::exists(weights) ? file_checksum(weights, Exit::bug) : "none of " + name;
}

TEST(Determinism, SameBytesTwiceAndBesideOtherWork) {
  const TemporaryDirectory d;
  for (const std::string threads : {"1", "2", "4"}) {
    const std::string quiet = trained(d, "quiet" + threads, threads);
    const Load load;
    EXPECT_EQ(trained(d, "busy" + threads, threads), quiet) << threads << " threads";
  }
  for (const std::string threads : {"2", "4"})
    EXPECT_LT(largest_difference(losses(d / "quiet1"), losses(d / ("quiet" + threads))), 1e-5) << threads;
}

}  // namespace
}  // namespace seqvit::cli
