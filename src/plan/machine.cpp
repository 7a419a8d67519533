#include "plan/machine.h"

#include <algorithm>
#include <fstream>
#include <thread>

#include "core/error.h"

namespace seqvit::plan {
namespace {

constexpr double kTera = 1e12, kGiga = 1e9, kMicro = 1e-6;
constexpr int64_t kGigabyte = 1'000'000'000;

/// Assumed, not measured: large products reach this share of the peak, and attention this share of those
/// (FlashAttention-2's published 324 and 291 TFLOP/s at head width 64 on an H100 are half of 0.65 x 989).
constexpr double kOfPeak = 0.65, kAttention = 0.5;
/// Assumed: of a link's or memory's peak rate, what large messages and tensors reach; the time of a message's
/// first byte; of a device's memory, what its driver, message buffers and gaps leave to tensors.
constexpr double kOfLink = 0.8, kInsideSeconds = 5 * kMicro, kBetweenSeconds = 15 * kMicro, kOfMemory = 0.9;

Machine gpu(const char* name, int64_t cores, int64_t gigabytes, double bf16, double fp32, double memory,
            double inside, double between) {
  return {.name = name,
          .ranks_per_node = 8,
          .cores_per_rank = cores,
          .gpus = true,
          .memory_bytes = static_cast<int64_t>(kOfMemory * static_cast<double>(gigabytes * kGigabyte)),
          .bf16_rate = kOfPeak * bf16 * kTera,
          .fp32_rate = kOfPeak * fp32 * kTera,
          .attention_share = kAttention,
          .memory_rate = kOfLink * memory * kTera,
          .inside = {kOfLink * inside * kGiga, kInsideSeconds},
          .between = {kOfLink * between * kGiga, kBetweenSeconds}};
}

/// Cores of a rank, and peaks: memory (GB), bf16 and fp32 matrix rate (TFLOP/s), memory (TB/s), link inside
/// and between (GB/s, each way and rank).
std::vector<Machine> machines() {
  return {
      // OLCF, Frontier User Guide: 4 MI250X a node = 8 GCDs, each a rank, with 64 GB HBM2E and 7 cores; 50 to
      // 200 GB/s between GCDs (the least: links that a ring over all 8 must cross); 4 NICs of 25 GB/s a node,
      // here shared by 8. AMD, MI250X data sheet: 383.0 (bf16) and 95.7 (fp32 matrix) TFLOP/s, 3.2 TB/s a
      // card of 2.
      gpu("frontier", 7, 64, 191.5, 47.8, 1.6, 50.0, 12.5),
      // NVIDIA, A100 80GB SXM data sheet: 312 (bf16 dense), 19.5 (fp32) TFLOP/s, 2.039 TB/s, NVLink 600 GB/s
      // both ways. DGX A100: 8 GPUs, a 200 Gb/s port each, 128 cores.
      gpu("a100", 16, 80, 312.0, 19.5, 2.039, 300.0, 25.0),
      // NVIDIA, H100 SXM5 data sheet: 989 (bf16 dense), 67 (fp32) TFLOP/s, 3.35 TB/s, NVLink 900 GB/s both
      // ways. DGX H100: 8 GPUs, a 400 Gb/s port each, 112 cores.
      gpu("h100", 14, 80, 989.0, 67.0, 3.35, 450.0, 50.0),
      // NVIDIA, H200 SXM data sheet: as H100, with 141 GB and 4.8 TB/s.
      gpu("h200", 14, 141, 989.0, 67.0, 4.8, 450.0, 50.0),
  };
}

int64_t available_bytes() {
  std::ifstream file("/proc/meminfo");
  for (std::string key, unit; file >> key;) {
    int64_t kibibytes = 0;
    file >> kibibytes;
    std::getline(file, unit);
    if (key == "MemAvailable:") return kibibytes * 1024;
  }
  fail(Exit::usage, "--machine this: /proc/meminfo names no MemAvailable; name a machine instead");
}

}  // namespace

double Machine::rate(Precision precision) const {
  const double rate = precision == Precision::bf16   ? bf16_rate
                      : precision == Precision::fp32 ? fp32_rate
                                                     : fp64_rate;
  if (rate > 0.0) return rate;
  fail(Exit::usage, "plan: train.precision {}: no rate is known for machine {}; plan with fp32 or bf16",
       to_string(precision), name);
}

std::vector<std::string> machine_names() {
  std::vector<std::string> names;
  for (const Machine& machine : machines())
    names.push_back(machine.name);
  names.emplace_back("this");
  return names;
}

Machine find_machine(const std::string& name) {
  for (const Machine& machine : machines()) {
    if (machine.name == name) return machine;
  }
  std::string known;
  for (const std::string& each : machine_names())
    known += (known.empty() ? "" : ", ") + each;
  fail(Exit::usage, "--machine: unknown machine '{}'{}; known: {}", name, did_you_mean(name, machine_names()),
       known);
}

Machine this_machine(Precision precision, double rate, int64_t ranks, AttentionMemory attention) {
  // Assumed: messages of MPI within a node are copies, 4 GB/s and rank while cores compute, and a core's part
  // of the memory's rate is 5 GB/s. Attention, of a product's rate: ours 1.0 (docs/performance.md),
  // libtorch's 0.7.
  const Link link{4 * kGiga, kInsideSeconds};
  const int64_t cores = std::max<int64_t>(1, std::thread::hardware_concurrency());
  return {.name = "this",
          .ranks_per_node = ranks,
          .cores_per_rank = std::max<int64_t>(1, cores / ranks),
          .memory_bytes = available_bytes() / ranks,
          .bf16_rate = precision == Precision::bf16 ? rate : 0.0,
          .fp32_rate = precision == Precision::fp32 ? rate : 0.0,
          .fp64_rate = precision == Precision::fp64 ? rate : 0.0,
          .attention_share = attention == AttentionMemory::flash ? 1.0 : 0.7,
          .memory_rate = 5 * kGiga,
          .inside = link,
          .between = link};
}

}  // namespace seqvit::plan
