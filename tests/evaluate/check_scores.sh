#!/usr/bin/env bash
# check_scores.sh SEQVIT PYTHON: trains a tiny model on the sample, scores it at 20 initial times x 20 lead times, writes the same
# forecasts to a file, and lets check_scores.py compute the scores again. 77 (skipped) where Python lacks numpy or netCDF4.
set -euo pipefail
seqvit=$1 python=$2
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../support/check.sh"
needs "$python" 'numpy, netCDF4'
sample=$here/../../samples/ncep_air_na_6h_2013_2014.nc
cat > "$work/tiny.yaml" <<YAML
data: {files: [$sample], split: {train: [0, 1460], test: [1960, 2380]}}
model: {patch_size: 5, embed_dim: 16, depth: 1, num_heads: 2}
train: {steps: 30, batch_size: 4, warmup_steps: 5}
evaluate: {leads: [$(seq -s, -f '%gh' 6 6 120)], stride: 21, batch_size: 20}
YAML
# A stride longer than the longest lead, in a period of 20 strides: every lead is scored from the same 20 initial times.
initial=$("$python" -c '
import datetime
start = datetime.datetime(2013, 1, 1) + datetime.timedelta(hours=6 * 1960)
print(",".join((start + datetime.timedelta(hours=6 * 21 * i)).strftime("%Y-%m-%dT%H") for i in range(20)))')
export SEQVIT_CACHE=$work/cache OMP_NUM_THREADS=1
"$seqvit" train "$work/tiny.yaml" --run "$work/run"
"$seqvit" evaluate "$work/run" > "$work/table"
"$seqvit" forecast "$work/run" --init "$initial" --steps 20 --output "$work/forecast.nc"
"$python" "$here/check_scores.py" "$work/forecast.nc" "$sample" "$work/run/scores.json" air 0 1460
"$seqvit" evaluate "$work/run" --members 5 --perturbation 0.4 --json "$work/ensemble.json" > "$work/table"
grep -q '^ensemble of' "$work/table"
"$seqvit" forecast "$work/run" --init "$initial" --steps 20 --members 5 --perturbation 0.4 --output "$work/ensemble.nc"
"$python" "$here/check_ensemble.py" "$work/ensemble.nc" "$sample" "$work/ensemble.json" air 0 1460 0
