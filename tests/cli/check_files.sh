#!/usr/bin/env bash
# check_files.sh SEQVIT PYTHON [CASE...]: see check_files.py. 77 (skipped) where Python lacks numpy or netCDF4.
set -euo pipefail
seqvit=$1 python=$2
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../support/check.sh"
needs "$python" 'numpy, netCDF4'
export SEQVIT_CACHE=$work/cache OMP_NUM_THREADS=1
mkdir "$work/data"
"$python" "$here/check_files.py" "$seqvit" "$work/data" "${@:3}"
