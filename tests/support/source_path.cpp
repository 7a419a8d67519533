#include "support/source_path.h"

namespace seqvit {

std::string source_path(const std::string& relative) {
  return SEQVIT_SOURCE_DIR "/" + relative;
}

}  // namespace seqvit
