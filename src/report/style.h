/// The report's style sheet: light and dark by preference, one column on a phone, plain on paper. No font, no
/// script and no address from outside.
#pragma once

namespace seqvit::report {

extern const char* const kReportStyle;

}  // namespace seqvit::report
