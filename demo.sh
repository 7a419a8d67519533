#!/usr/bin/env bash
# From a raw reanalysis file to a scored forecast: two years of air temperature over North America, one model.
#
#   ./demo.sh [RUN_DIRECTORY]      default: runs/demo, made anew each time
set -euo pipefail
cd "$(dirname "$0")"
./setup.sh
cmake --preset release >/dev/null
cmake --build --preset release
seqvit=build/release/seqvit
run=${1:-runs/demo}
rm -rf "$run"

"$seqvit" inspect samples/ncep_air_na_6h_2013_2014.nc
"$seqvit" train configs/demo.yaml --run "$run"
"$seqvit" evaluate "$run"
"$seqvit" forecast "$run" --init 2014-07-15T00 --steps 20 --output "$run/forecast.nc" --picture "$run/forecast.png" --lead 24h
echo "demo.sh: scores in $run/scores.json, forecast in $run/forecast.nc, picture in $run/forecast.png"
