/// The same mesh makes the same bytes: whatever else the machine does, and however many threads a rank has.
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "cli/program.h"
#include "core/file.h"
#include "support/temporary_directory.h"

namespace seqvit {
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

TEST(Determinism, SameBytesUnderLoadAndWithAnyNumberOfThreads) {
  const TemporaryDirectory d;
  const std::string one = trained(d, "one", "1");
  for (const std::string threads : {"2", "4"})
    EXPECT_EQ(trained(d, "quiet" + threads, threads), one) << threads << " threads";
  const Load load;
  for (const std::string threads : {"1", "2", "4"})
    EXPECT_EQ(trained(d, "busy" + threads, threads), one) << threads << " threads beside other work";
}

}  // namespace
}  // namespace seqvit
