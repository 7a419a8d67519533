/// What fields are called in files that are written.
///
/// Levels of a variable are one variable with a vertical dim again: "t@850" and "t@500" are "t". Names are
/// letters, digits and underscores, as CF wants them, so two that differ in other characters only would be
/// one.
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"

namespace seqvit::data {

/// "t_850" for "t@850".
std::string cf_name(const std::string& name);
/// "t" of "t@850"; the name itself without a level.
std::string base_name(const std::string& name);

struct FieldName {
  std::string name;
  bool on_levels = false;  ///< one level (VariableInfo::level) of a variable of this name
};

/// Of each field. Levels of a variable whose name another field has keep names of their own ("t_850"). Throws
/// Error(usage), naming them, where two fields would have one name, or one that of a coordinate.
std::vector<FieldName> field_names(const std::vector<VariableInfo>& variables);

}  // namespace seqvit::data
