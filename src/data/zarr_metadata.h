/// One array's metadata as JSON, of either version, made into a ZarrArray. Not part of the reader's
/// interface.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "data/zarr_array.h"

namespace seqvit::data {

/// JSON that may have NaN and Infinity as bare words, as Python writes them; they become text. Throws
/// nlohmann::json::exception.
nlohmann::json parse_zarr_json(std::string text);

/// Attributes: text, numbers and lists of numbers; what is neither is left out.
std::map<std::string, Attribute> zarr_attributes(const nlohmann::json& json);

/// `array` is `.zarray` and `attributes` `.zattrs`. `group`: "" or "/group/", before names of dims. What is
/// not supported is in ZarrArray::problem. Throws nlohmann::json::exception or ChunkError (with the reason)
/// where it is no metadata of an array.
ZarrArray parse_zarr2(const nlohmann::json& array, const nlohmann::json& attributes, const std::string& name,
                      const std::string& group);

/// `array` is `zarr.json`.
ZarrArray parse_zarr3(const nlohmann::json& array, const std::string& name, const std::string& group);

}  // namespace seqvit::data
