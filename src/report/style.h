/// The report's style sheet: light and dark by preference, one column on a phone, plain on paper. No font, no
/// script and no address from outside. The looks of drawings come from draw/style.h.
#pragma once

#include <string>

namespace seqvit::report {

std::string report_style();

}  // namespace seqvit::report
