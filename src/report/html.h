/// Markup of a page: draw/markup.h, where figures are made of it too.
#pragma once

#include "draw/markup.h"

namespace seqvit::report {

using Html = draw::Markup;
using draw::element;

}  // namespace seqvit::report
