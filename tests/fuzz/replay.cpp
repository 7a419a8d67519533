/// main() of fuzz targets where libFuzzer is not: runs every file of the directories given once, and holds
/// the memory that one input takes against a bound.
#include <algorithm>
#include <filesystem>

#include <sys/resource.h>

#include "core/file.h"
#include "fuzz/fuzz.h"

namespace seqvit {
namespace {

constexpr int64_t kMostKibibytes = int64_t{512} << 10;

int64_t peak_kibibytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

void replay(const std::filesystem::path& path) {
  std::printf("%s\n", path.c_str());
  std::fflush(stdout);  // what a crash leaves to be read
  const std::string bytes = read_text(path, Exit::usage);
  const int64_t before = peak_kibibytes();
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  const int64_t taken = peak_kibibytes() - before;
  require(taken <= kMostKibibytes, "took " + std::to_string(taken >> 10) + " MiB");
}

}  // namespace
}  // namespace seqvit

int main(int argc, char** argv) {
  std::vector<std::filesystem::path> inputs;
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(argv[i]))
      inputs.push_back(entry.path());
  }
  std::sort(inputs.begin(), inputs.end());
  seqvit::require(!inputs.empty(), "no inputs to replay");
  for (const std::filesystem::path& input : inputs)
    seqvit::replay(input);
}
