/// A configuration, as YAML with overrides: lines that begin with "--" are overrides, all others the file.
/// What is accepted must be written back to the same settings.
#include "core/config.h"
#include "fuzz/fuzz.h"

namespace seqvit {
namespace {

void read_configuration(std::string_view text) {
  std::string yaml;
  std::vector<std::string> overrides;
  for (const std::string& line : lines_of(text)) {
    if (line.starts_with("--"))
      overrides.push_back(line.substr(2));
    else
      yaml += line + '\n';
  }
  const Config config = parse_config(yaml, "fuzz.yaml", overrides);
  config.train.rollout_at(config.train.steps - 1);
  const std::string written = to_yaml(config);
  const Config again = parse_config(written, "written.yaml", {});
  for (const ChangedSetting& changed : changed_settings(config, again))
    finding("not written back: " + changed.path + " " + changed.one + " -> " + changed.other);
}

}  // namespace
}  // namespace seqvit

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace seqvit;
  within_a_second([&] { only_errors([&] { read_configuration(text_of(data, size)); }); });
  return 0;
}
