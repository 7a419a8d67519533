#!/usr/bin/env bash
# check_files.sh READ_ALL PYTHON: files made by zarr-python, xarray and h5py against the sums that xarray reads. 77 (skipped) where Python
# lacks one of them.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../support/check.sh"
needs "$2" 'xarray, zarr, netCDF4'
"$2" "$here/check_files.py" "$1" "$work"
