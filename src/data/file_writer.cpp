#include "data/file_writer.h"

#include "data/netcdf_writer.h"
#include "data/zarr_writer.h"

namespace seqvit::data {

std::unique_ptr<FileWriter> make_file_writer(const std::filesystem::path& path, const std::string& what,
                                             int64_t bytes) {
  if (path.extension() == ".zarr") return std::make_unique<ZarrWriter>(path, what);
  return std::make_unique<NetcdfWriter>(path, what, bytes);
}

}  // namespace seqvit::data
