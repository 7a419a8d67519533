#!/usr/bin/env bash
# check_output.sh SEQVIT PYTHON [CASE...]: see check_output.py. 77 (skipped) where Python lacks numpy, netCDF4 or xarray.
set -euo pipefail
seqvit=$1 python=$2
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../support/check.sh"
needs "$python" 'numpy, netCDF4, xarray'
export SEQVIT_CACHE=$work/cache OMP_NUM_THREADS=1
mkdir "$work/data"
"$python" "$here/check_output.py" "$seqvit" "$work/data" "${@:3}"
