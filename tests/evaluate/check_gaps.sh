#!/usr/bin/env bash
# check_gaps.sh MAKE_SCORES PYTHON: the check of check_scores.py on data with missing values and a climatology. 77 (skipped) where
# Python lacks numpy or netCDF4.
set -euo pipefail
make_scores=$1 python=$2
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../support/check.sh"
needs "$python" 'numpy, netCDF4'
"$make_scores" "$work"
"$python" "$here/check_scores.py" "$work/forecast.nc" "$work/source.nc" "$work/scores.json" a 0 1600
"$python" "$here/check_ensemble.py" "$work/ensemble.nc" "$work/source.nc" "$work/ensemble.json" a 0 1600
