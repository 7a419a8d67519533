/// A configuration to start from, made of what `inspect` found.
#pragma once

#include <string>
#include <vector>

#include "data/inspect.h"

namespace seqvit::data {

/// Commented YAML that `train` runs as it is: all fields that share the times of the first, static fields,
/// one step of the files as lead time, periods of about 70, 10 and 20 % (whole years where there are enough),
/// a patch size that divides the grid into a few hundred tokens where one does. `reading`: settings that the
/// files were inspected with. Throws Error(data) where no field can be trained on.
std::string starter_config(const InspectReport& report, const FileReading& reading);

}  // namespace seqvit::data
