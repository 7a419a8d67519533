/// The frame of every page that the program writes.
#pragma once

#include <string>

#include "report/html.h"

namespace seqvit::report {

/// A whole document: style, title, body, and who made it.
std::string page(const std::string& title, const Html& body);

}  // namespace seqvit::report
