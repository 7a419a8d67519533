#include "core/error.h"
#include "data/grib.h"

namespace seqvit::data {

std::string grib_library() {
  return "";
}

std::shared_ptr<const SourceFile> open_grib(const std::string& path) {
  fail(Exit::data,
       "{}: expected a file that this program reads, found GRIB, for which it was built without ecCodes; "
       "install libeccodes-dev and build again, or convert the file (grib_to_netcdf, cdo -f nc copy)",
       path);
}

}  // namespace seqvit::data
