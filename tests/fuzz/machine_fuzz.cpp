/// Names of machines as `plan --machine` takes them, one a line (the program reads no machine files).
#include "core/config.h"
#include "fuzz/fuzz.h"
#include "plan/machine.h"

namespace seqvit {
namespace {

void find(const std::string& name) {
  const plan::Machine machine = plan::find_machine(name);
  require(machine.name == name && machine.memory_bytes > 0 && machine.ranks_per_node > 0,
          "a machine of nothing");
  for (const Precision precision : {Precision::bf16, Precision::fp32, Precision::fp64})
    require(machine.rate(precision) > 0.0, "a machine without a rate");
}

}  // namespace
}  // namespace seqvit

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace seqvit;
  within_a_second([&] {
    for (const std::string& name : lines_of(text_of(data, size)))
      only_errors([&] { find(name); });
  });
  return 0;
}
