/// What the program makes of a NetCDF file: all that `inspect` looks at, and what training would read of a
/// file that it calls good.
#pragma once

#include <string>

namespace seqvit {

void understand(const std::string& path);

}  // namespace seqvit
