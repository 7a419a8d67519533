#include "device/reports.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cxxabi.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <memory>
#include <mutex>
#include <numeric>
#include <set>

namespace seqvit::test_device {
namespace {

constexpr int kFrames = 80, kNamed = 6;

struct State {
  std::mutex mutex;
  std::vector<Report> reports;
  std::set<std::string> said;
  std::array<Counts, kDevices> counts;
  bool prints = true, says_where = false;
};
State& state() {
  static auto* state = new State;  // threads of libtorch's outlive main()
  return *state;
}

int64_t sum_of(const std::map<std::string, int64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), int64_t{0},
                         [](int64_t sum, const auto& entry) { return sum + entry.second; });
}

std::string demangled(const char* name) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(abi::__cxa_demangle(name, nullptr, nullptr, &status),
                                                         &std::free);
  return status == 0 ? text.get() : name;
}

/// Of this program, but for the device's own; without arguments.
bool is_ours(const std::string& name) {
  return name.find("seqvit::") != std::string::npos &&
         name.find("seqvit::test_device::") == std::string::npos && !name.starts_with("std::");
}

/// At exit, for programs: asked for by the environment.
struct Summary {
  ~Summary() {
    if (std::getenv("SEQVIT_TEST_DEVICE_SUMMARY") == nullptr) return;
    for (int d = 0; d < kDevices; ++d) {
      const Counts counts = take_counts(d);
      if (counts.kernels.empty()) continue;
      std::fprintf(
          stderr, "test device %d: %ld kernels, %ld host waits, %ld bytes to the device, %ld to the host\n",
          d, counts.kernel_count(), counts.wait_count(), counts.bytes_to_device, counts.bytes_to_host);
    }
  }
} summary;

}  // namespace

int64_t Counts::kernel_count() const {
  return sum_of(kernels);
}
int64_t Counts::wait_count() const {
  return sum_of(waits);
}

std::string stack_here() {
  std::array<void*, kFrames> frames{};
  const int count = ::backtrace(frames.data(), kFrames);
  std::string text;
  for (int i = 0, named = 0; i < count && named < kNamed; ++i) {
    Dl_info info{};
    if (::dladdr(frames[i], &info) == 0 || info.dli_sname == nullptr) continue;
    const std::string name = demangled(info.dli_sname);
    if (!is_ours(name)) continue;
    text += (named++ > 0 ? " < " : "") + name.substr(0, name.find('('));
  }
  return text.empty() ? "outside of this program" : text;
}

void report(const std::string& text) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  if (!s.said.insert(text).second) return;
  s.reports.push_back({text, stack_here()});
  if (s.prints)
    std::fprintf(stderr, "test device: %s\n  in %s\n", text.c_str(), s.reports.back().stack.c_str());
}

std::vector<Report> take_reports() {
  const std::lock_guard lock(state().mutex);
  state().said.clear();
  return std::exchange(state().reports, {});
}

void print_reports(bool yes) {
  state().prints = yes;
}
void say_where_the_host_waits(bool yes) {
  state().says_where = yes;
}

void count_kernel(int device, const char* name) {
  const std::lock_guard lock(state().mutex);
  ++state().counts[device].kernels[name];
}
void count_wait(int device, const std::string& what) {
  const std::string where = state().says_where ? " in " + stack_here() : "";
  const std::lock_guard lock(state().mutex);
  ++state().counts[device].waits[what + where];
}
void count_copied(int device, int64_t bytes, bool to_host) {
  const std::lock_guard lock(state().mutex);
  Counts& counts = state().counts[device];
  (to_host ? counts.bytes_to_host : counts.bytes_to_device) += bytes;
}

Counts take_counts(int device) {
  const std::lock_guard lock(state().mutex);
  return std::exchange(state().counts.at(device), {});
}

}  // namespace seqvit::test_device
