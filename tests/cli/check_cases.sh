#!/usr/bin/env bash
# check_cases.sh SCRIPT MODULES SEQVIT PYTHON [CASE...]: runs the cases of a Python script beside this file (check_files.py, check_output.py) in
# a directory of their own. 77 (skipped) where Python lacks one of MODULES.
set -euo pipefail
script=$1 modules=$2 seqvit=$3 python=$4
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../support/check.sh"
needs "$python" "$modules"
export SEQVIT_CACHE=$work/cache OMP_NUM_THREADS=1
mkdir "$work/data"
"$python" "$here/$script" "$seqvit" "$work/data" "${@:5}"
