/// Where this repository is: the only unit that knows it, so that all others come from ccache in another
/// clone.
#pragma once

#include <string>

namespace seqvit {

/// The path of a file of this repository, for example of "samples/ncep_air_na_6h_2013_2014.nc".
std::string source_path(const std::string& relative);

}  // namespace seqvit
