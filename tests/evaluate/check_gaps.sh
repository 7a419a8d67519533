#!/usr/bin/env bash
# check_gaps.sh MAKE_SCORES PYTHON: the check of check_scores.py on data with missing values and a climatology. 77 (skipped) where
# Python lacks numpy or netCDF4.
set -euo pipefail
make_scores=$1 python=$2
here=$(cd "$(dirname "$0")" && pwd)
"$python" -c 'import numpy, netCDF4' 2>/dev/null || { echo "skipped: $python has no numpy and netCDF4"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$make_scores" "$work"
"$python" "$here/check_scores.py" "$work/forecast.nc" "$work/source.nc" "$work/scores.json" a 0 1600
