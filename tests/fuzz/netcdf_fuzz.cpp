/// The bytes of a netCDF-3 file. Of HDF5 only what stands in front is ours to understand: behind it its
/// library reads, and that of Debian 12 has known faults of its own.
#include "data/container.h"
#include "fuzz/fuzz.h"
#include "fuzz/understand.h"
#include "support/temporary_directory.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace seqvit;
  static const TemporaryDirectory directory;
  const std::string path = directory / "fuzz.nc";
  write_input(path, text_of(data, size));
  within_a_second([&] {
    only_errors([&] {
      if (data::check_container(path).format == data::ContainerFormat::classic) understand(path);
    });
  });
  return 0;
}
