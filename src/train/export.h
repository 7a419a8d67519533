/// Weights for other programs: one safetensors file with the names of timm's VisionTransformer.
///
/// The encoder (blocks and the norm after them) computes what timm's does and takes its names, so that it
/// loads there as it is: blocks.N.{norm1,attn.qkv,attn.proj,norm2,mlp.fc1,mlp.fc2}.{weight,bias},
/// norm.{weight, bias}. Everything else (embedding, positions, head) differs from timm's and stands under
/// "seqvit.". Depthwise layers (`model.local`) are no layers of timm's: blocks.N.local.{weight, bias} stand
/// beside the others' names.
#pragma once

#include <filesystem>
#include <string>

#include "train/checkpoint.h"
#include "train/safetensors.h"

namespace seqvit::train {

/// "blocks.0.attn.qkv.weight" as it is, "pos_embed" as "seqvit.pos_embed".
std::string exported_name(const std::string& weight);

/// Keys of the metadata that `seqvit export` writes: the model's description (description.h) and the run's
/// normalization.json.
inline const char* const kModelKey = "seqvit.model";
inline const char* const kNormalizationKey = "seqvit.normalization";

/// Gathers all weights of a checkpoint of any mesh, their moving average where it has one and `which` says
/// so, into `output`, written as one step. Returns how many there are. Throws Error(checkpoint): a missing or
/// corrupt checkpoint, or a file that cannot be written.
int64_t export_weights(const std::filesystem::path& checkpoint, const std::filesystem::path& output,
                       const Metadata& metadata = {}, Weights which = Weights::averaged);

}  // namespace seqvit::train
