#!/usr/bin/env bash
# check_export.sh SEQVIT PYTHON: trains a tiny model on the sample, exports it, and lets check_export.py make its forecast with timm's
# blocks. 77 (skipped) where Python lacks torch, safetensors, timm or netCDF4.
set -euo pipefail
seqvit=$1 python=$2
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../support/check.sh"
needs "$python" 'netCDF4, safetensors.torch, timm.models.vision_transformer'
sample=$here/../../samples/ncep_air_na_6h_2013_2014.nc
cat > "$work/tiny.yaml" <<YAML
data: {files: [$sample], split: {train: [0, 400], test: [500, 920]}}
model: {patch_size: 5, embed_dim: 32, depth: 3, num_heads: 4}
train: {steps: 60, batch_size: 4, warmup_steps: 5, learning_rate: 3e-3}
YAML
export SEQVIT_CACHE=$work/cache OMP_NUM_THREADS=1
"$seqvit" train "$work/tiny.yaml" --run "$work/run"
"$seqvit" export "$work/run" --output "$work/weights.safetensors"
"$seqvit" forecast "$work/run" --init 2013-08-05T18 --steps 1 --output "$work/forecast.nc"
"$python" "$here/check_export.py" "$work/weights.safetensors" "$work/run" "$work/forecast.nc" "$sample"
