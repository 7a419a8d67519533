/// A small bitmap font for pictures: 5 dots wide, capitals 7 high, 2 more below the line.
#pragma once

namespace seqvit::evaluate {

inline constexpr int kGlyphWidth = 5, kGlyphHeight = 9, kGlyphAdvance = 6, kCapitalHeight = 7;

/// Whether the dot in column x and row y (from the top) of a printable ASCII character is set; other
/// characters look like '?'. False outside of the glyph.
bool glyph_dot(char character, int x, int y);

}  // namespace seqvit::evaluate
