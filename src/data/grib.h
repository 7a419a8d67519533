/// Reading GRIB, editions 1 and 2, through ecCodes, where the program was built with it (grib.cpp; else
/// grib_none.cpp).
///
/// A GRIB file is a row of messages, each one field of one time and level. One pass over the file makes an
/// index of them; from it the file looks like any other: variables with dims number, time, step, level (named
/// after the type of level), latitude, longitude, where number, step and level are left out if there is one
/// only. Without `step`, `time` is when fields are valid; with it, when their forecasts began. A combination
/// without a message reads as missing. Variables are named as cfgrib and xarray name them ("t2m"). Regular
/// grids in degrees, also Gaussian ones, in any scanning mode.
#pragma once

#include <memory>
#include <string>

#include "data/source_file.h"

namespace seqvit::data {

/// "ecCodes 2.28.0"; "" where the program was built without.
std::string grib_library();

/// Throws Error(data): damaged or cut, no message on a grid that is supported (naming the command that
/// converts it), two messages of the same field, or a program without ecCodes, saying what to install.
std::shared_ptr<const SourceFile> open_grib(const std::string& path);

}  // namespace seqvit::data
