/// What a climatology file of ours says of itself.
#pragma once

namespace seqvit::evaluate {

/// Of the file: a checksum of what it was made of.
inline const char* const kClimatologyKey = "seqvit_training_key";
/// Of a variable: its name as configured.
inline const char* const kSourceVariable = "source_variable";

}  // namespace seqvit::evaluate
