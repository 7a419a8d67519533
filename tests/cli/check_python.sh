#!/usr/bin/env bash
# check_python.sh SEQVIT PYTHON MPIRUN...: trains tiny models, each tokenisation and levels in a token, most of them on two ranks, and lets
# check_python.py make their forecasts with python/seqvit.py. 77 (skipped) where Python lacks torch, safetensors or netCDF4.
set -euo pipefail
seqvit=$1 python=$2 mpirun=("${@:3}")
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../support/check.sh"
needs "$python" 'netCDF4, safetensors.torch'
export SEQVIT_CACHE=$work/cache OMP_NUM_THREADS=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export PYTHONPATH=$here/../../python PYTHONDONTWRITEBYTECODE=1
sample=$here/../../samples/ncep_air_na_6h_2013_2014.nc globe=$work/globe.nc
"$seqvit" generate "$globe" --truncation 10 --days 12 --spinup 3
levels=$work/two_levels.nc
"$python" - "$globe" "$levels" <<'PY'
import shutil, sys
import netCDF4
shutil.copyfile(*sys.argv[1:])
with netCDF4.Dataset(sys.argv[2], "a") as file:
    file.renameVariable("u", "w_500")
    file.renameVariable("v", "w_850")
PY
configure() {  # NAME FILE DATA MODEL [LEADS] [TRAIN]
  cat > "$work/$1.yaml" <<YAML
data: {files: [$2], split: {train: [0, 40]}, $3}
model: {embed_dim: 32, depth: 2, num_heads: 4, $4}
train: {steps: 30, batch_size: 4, warmup_steps: 5, learning_rate: 3e-3, leads: [${5:-}]${6:-}}
YAML
}
configure joint "$sample" 'variables: [air]' 'patch_size: 5, predict: tendency, rotary: true, rotary_waves: 20' '6h, 12h'
configure variable "$globe" 'variables: [h, u, t], static: [land], targets: [t, h]' 'patch_size: 4, tokens: variable, predict: state, qk_norm: true'
configure aggregated "$globe" 'variables: [u, v, t]' 'patch_size: 3, tokens: aggregated, aggregated_tokens: 2, positions: fixed, head_layers: 2, rotary: true, qk_norm: true'
configure local "$globe" 'variables: [h, u, t]' 'patch_size: 3, tokens: variable, local: depthwise, embed_overlap: true, head_overlap: true'
configure region "$sample" 'variables: [air]' 'patch_size: 4, local: depthwise, embed_overlap: true, head_overlap: true'
configure levels "$levels" 'variables: [w_850, t, w_500, h]' 'patch_size: 4, tokens: variable, patch_levels: 2, head_layers: 1'
configure roles "$globe" 'variables: [u, t], forcings: [v, insolation], diagnostics: [h], static: [land], history: 2, transform: {h: log1p 100}' 'patch_size: 4, tokens: variable, bounds: {h: [0, 9000]}'
configure noise "$globe" 'variables: [h, u, t]' 'patch_size: 4, noise_dim: 6' '' ', loss: crps, members: 2, seed: 5'
two() { "${mpirun[@]}" "$seqvit" "$@" --parallel.verify=false; }
"$seqvit" train "$work/joint.yaml" --run "$work/joint"
two train "$work/variable.yaml" --run "$work/variable" --parallel.tp=2 --parallel.zero=3
two train "$work/aggregated.yaml" --run "$work/aggregated" --parallel.sp=2 --parallel.zero=3
two train "$work/levels.yaml" --run "$work/levels" --parallel.sp=2 --parallel.zero=1
two train "$work/local.yaml" --run "$work/local" --parallel.sp=2 --parallel.zero=3
two train "$work/noise.yaml" --run "$work/noise" --parallel.sp=2 --parallel.zero=3
two train "$work/region.yaml" --run "$work/region" --parallel.sp=2 --parallel.sequence=ring
two train "$work/roles.yaml" --run "$work/roles" --parallel.sp=2 --parallel.zero=3
for run in joint variable aggregated levels local region roles noise; do
  data=$globe init=0001-01-09T12 steps=1
  [ $run = levels ] && data=$levels
  [ $run = joint ] && data=$sample init=2013-08-05T18 steps=2
  [ $run = region ] && data=$sample init=2013-08-05T18
  members=1
  [ $run = noise ] && members=3
  "$seqvit" forecast "$work/$run" --init $init --steps $steps --members $members --output "$work/$run.nc" --parallel.sp=1 --parallel.tp=1
  "$seqvit" export "$work/$run" --output "$work/$run.safetensors"
  "$python" "$here/check_python.py" "$work/$run/checkpoints/step-00000030" "$work/$run.nc" "$data"
  "$python" "$here/check_python.py" "$work/$run.safetensors" "$work/$run.nc" "$data"
done
